import { type FieldClient, findUpload, readOutput, readStored, sendCase } from '../send-case.ts'
import type { Corpus, CorpusItem } from './corpus.ts'
import { fetchPackage } from './fetch-package.ts'
import { type Judgement, judge, type Outcome, type ProcessedFile } from './judge.ts'

export interface JudgedItem extends Judgement {
  readonly name: string
}

export interface RunSettings {
  /** The folder of the packages. */
  readonly cache: string
  /** Items in flight at a time. */
  readonly connections: number
}

/**
 * Sends every file of a corpus through the pipeline and judges the results.
 *
 * @throws CorpusUnavailableError if its packages cannot be downloaded
 */
export async function runCorpus(client: FieldClient, corpus: Corpus, settings: RunSettings): Promise<JudgedItem[]> {
  const folders: string[] = []
  for (const wanted of corpus.packages) folders.push(await fetchPackage(wanted, settings.cache))
  const waiting = await corpus.load(folders)
  const judged: JudgedItem[] = []
  async function connection(): Promise<void> {
    for (let item = waiting.shift(); item; item = waiting.shift()) {
      judged.push({ name: item.name, ...(await judge(item.expected, await outcomeOf(client, item))) })
    }
  }
  await Promise.all(Array.from({ length: settings.connections }, connection))
  return judged
}

async function outcomeOf(client: FieldClient, { send }: CorpusItem): Promise<Outcome> {
  try {
    const answer = await sendCase(client, send)
    if (answer.status >= 500) return { kind: 'crash', reason: `${answer.status} ${answer.detail}` }
    if (answer.status >= 400) return { kind: 'refused', reason: answer.detail }
    const files: ProcessedFile[] = []
    for (const uploadId of answer.uploadIds) {
      const upload = await findUpload(client, uploadId)
      if (upload.status === 'failed') return { kind: 'refused', reason: upload.failure?.reason ?? '' }
      files.push({
        filename: upload.filename,
        transform: upload.transform?.name ?? '',
        stored: await readStored(client, upload),
        output: await readOutput(client, uploadId),
      })
    }
    return { kind: 'processed', files }
  } catch (error) {
    // Any error is reported as an item without a response.
    return { kind: 'crash', reason: String(error) }
  }
}
