import { setTimeout as pass } from 'node:timers/promises'
import type { Sender } from '../chaos/clients/client.ts'
import { NoAnswerError } from '../chaos/clients/http.ts'
import type { End } from './corpus/kind.ts'
import { type FoundUpload, findUpload, lasted } from './innocent.ts'
import type { SentSoakFile } from './send-files.ts'

export interface Verdict {
  sent: SentSoakFile
  uploadId: string | undefined
  /** The final state of the upload; undefined if it is not settled. */
  end: End | undefined
  reason: string
  /** Milliseconds from acceptance to the final state. */
  lastedMs: number | undefined
}

const SIDE_BY_SIDE = 16

/** Number of uploads that are read per round. Reading thousands at once would be a load of its own. */
const ASKED_IN_A_ROUND = 200

const BETWEEN_MS = 1_000

/** Waits until every accepted upload is settled, or the time is over. */
export async function awaitVerdicts(
  files: readonly SentSoakFile[],
  owners: readonly Sender[],
  { timeoutMs, say }: { timeoutMs: number; say(line: string): void },
): Promise<Verdict[]> {
  const deadline = performance.now() + timeoutMs
  const verdicts = files.map(answered)
  let open = verdicts.filter(({ end, uploadId }) => end === undefined && uploadId !== undefined)
  for (let round = 0; open.length > 0 && performance.now() < deadline; round++) {
    if (round % 15 === 0) say(`${open.length} uploads have not ended yet`)
    const asked = open.slice(0, ASKED_IN_A_ROUND)
    await eachOf(asked, verdict => look(verdict, owners))
    // Unsettled uploads move to the end of the list.
    open = [...open.slice(ASKED_IN_A_ROUND), ...asked].filter(({ end }) => end === undefined)
    if (asked.some(({ end }) => end === undefined)) await pass(BETWEEN_MS)
  }
  return verdicts
}

function answered(sent: SentSoakFile): Verdict {
  const { answer } = sent
  if (answer.outcome === 'accepted') {
    return { sent, uploadId: answer.uploadIds[0], end: undefined, reason: '', lastedMs: undefined }
  }
  // Only 4xx is the fault of the client.
  const isRefused = answer.outcome === 'refused' && /^4\d\d /.test(answer.why)
  return { sent, uploadId: undefined, end: isRefused ? 'refused' : undefined, reason: answer.why, lastedMs: undefined }
}

async function look(verdict: Verdict, owners: readonly Sender[]): Promise<void> {
  const owner = owners[verdict.sent.owner]
  if (!owner || verdict.uploadId === undefined) throw new Error('Only what an owner has uploaded can be looked at.')
  let found: FoundUpload | undefined
  try {
    found = await findUpload(owner, verdict.uploadId)
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error
  }
  if (found?.status !== 'processed' && found?.status !== 'failed') return
  verdict.end = found.status === 'processed' ? 'processed' : (found.failure?.code as End)
  verdict.reason = found.failure?.reason ?? ''
  verdict.lastedMs = lasted(found)
}

export async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane))
}
