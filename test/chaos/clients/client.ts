import type { Answer, LedgerEntry } from '../evidence/ledger.ts'
import type { SentUpload, UploadFormat } from '../plan/uploads.ts'
import { conclude, unanswered } from './answers.ts'
import { sendByGrant } from './grant.ts'
import { type Reply, send } from './http.ts'
import { sendByTus } from './tus.ts'

/** The sender of an upload, and the api to which it sends. */
export interface Sender {
  /** The api process for the next request. A process that is down gives no answer. */
  api(): string
  authorization: string
  /** How long an upload with a key is retried, in milliseconds. */
  maxRetryMs: number
  /** Resolves after this many milliseconds. */
  wait(ms: number): Promise<void>
}

/** The answer, and the number of attempts if there was more than one. */
export type Sent = Pick<LedgerEntry, 'answer' | 'attempts'>

type SendUpload = (sender: Sender, upload: SentUpload) => Promise<Answer>

/** Sends an upload in its format, as a careful client does. Never rejects because of the server or the network. */
export async function sendUpload(sender: Sender, upload: SentUpload): Promise<Sent> {
  return upload.format === 'once'
    ? sendOnce(sender, upload)
    : { answer: await BY_FORMAT[upload.format](sender, upload) }
}

const BY_FORMAT: Record<Exclude<UploadFormat, 'once'>, SendUpload> = {
  json: (sender, upload) => post(sender, jsonOf(upload)).then(conclude).catch(unanswered),
  form: (sender, { files }) => {
    const body = new FormData()
    for (const { bytes, filename, contentType } of files) {
      body.append('file', new File([new Uint8Array(bytes)], filename, { type: contentType }))
    }
    return post(sender, { body }).then(conclude).catch(unanswered)
  },
  raw: (sender, { files: [file] }) => {
    if (!file) throw new TypeError('An upload has a file.')
    const query = `?filename=${encodeURIComponent(file.filename)}`
    const headers = { 'content-type': file.contentType }
    return post(sender, { headers, body: new Uint8Array(file.bytes) }, query)
      .then(conclude)
      .catch(unanswered)
  },
  grant: sendByGrant,
  tus: sendByTus,
}

/** Sends the same request with its key until there is a conclusive answer. */
async function sendOnce(sender: Sender, upload: SentUpload): Promise<Sent> {
  const { headers, body } = jsonOf(upload)
  const init = { headers: { ...headers, 'idempotency-key': `chaos-${upload.files[0]?.filename}` }, body }
  const giveUpAt = performance.now() + sender.maxRetryMs
  let answer: Answer
  let attempts = 0
  do {
    attempts++
    answer = await post(sender, init).then(conclude).catch(unanswered)
    if (answer.outcome === 'accepted') return { answer, attempts }
    await sender.wait(500)
  } while (performance.now() < giveUpAt)
  return { answer: { outcome: 'unknown', why: `given up after ${sender.maxRetryMs} ms: ${answer.why}` }, attempts }
}

function jsonOf({ files: [file] }: SentUpload) {
  const body = JSON.stringify({ filename: file?.filename, content: file?.bytes.toString() })
  return { headers: { 'content-type': 'application/json' }, body }
}

function post(
  { api, authorization }: Sender,
  { headers, body }: { headers?: Record<string, string>; body: string | FormData | Uint8Array<ArrayBuffer> },
  query = '',
): Promise<Reply> {
  return send(`${api()}/uploads${query}`, { method: 'POST', headers: { ...headers, authorization }, body })
}
