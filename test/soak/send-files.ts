import { type Sender, sendUpload } from '../chaos/clients/client.ts'
import type { Answer } from '../chaos/evidence/ledger.ts'
import { type PlannedSoakFile, planSoakFile } from './corpus/plan.ts'

/** A file that was sent, without its bytes, and what was answered. */
export interface SentSoakFile extends Omit<PlannedSoakFile, 'file'> {
  filename: string
  answer: Answer
  /** The main output, where it is known. */
  output?: Buffer | undefined
}

export interface SendSettings {
  seed: number
  files: number
  owners: readonly Sender[]
  /** Requests in flight at a time. */
  connections: number
  onlyLight: boolean
}

/** Sends all files at once, as far as the connections allow. */
export async function sendFiles({
  seed,
  files,
  owners,
  connections,
  onlyLight,
}: SendSettings): Promise<SentSoakFile[]> {
  const sent: SentSoakFile[] = []
  let next = 0
  const connection = async () => {
    while (next < files) {
      const { file, ...planned } = await planSoakFile(seed, next++, { owners: owners.length, onlyLight })
      const sender = owners[planned.owner]
      if (!sender) throw new Error(`There is no owner ${planned.owner}.`)
      const { answer } = await sendUpload(sender, { format: planned.format, files: [file] })
      sent.push({ ...planned, filename: file.filename, answer, output: planned.kind.output?.(file) })
    }
  }
  await Promise.all(Array.from({ length: connections }, connection))
  return sent
}
