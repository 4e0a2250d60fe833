import type { Answer, LedgerEntry } from '../evidence/ledger.ts'
import type { SentUpload, Way } from '../plan/uploads.ts'
import { conclude, unanswered } from './answers.ts'
import { sendByGrant } from './grant.ts'
import { type Reply, send } from './http.ts'
import { sendByTus } from './tus.ts'

/** Who sends, and where to. */
export interface Sender {
  /** The api process that the next request goes to. One that is down is no answer. */
  api(): string
  authorization: string
  /** How long an upload with a key is sent again, in milliseconds. */
  patienceMs: number
  /** Resolves after so many milliseconds. */
  wait(ms: number): Promise<void>
}

/** What came of it, and of how many attempts where that was more than one. */
export type Sent = Pick<LedgerEntry, 'answer' | 'attempts'>

type SendUpload = (sender: Sender, upload: SentUpload) => Promise<Answer>

/** Sends an upload by its way, as a careful client does. Never rejects for what a server or the network does. */
export async function sendUpload(sender: Sender, upload: SentUpload): Promise<Sent> {
  return upload.way === 'once' ? sendOnce(sender, upload) : { answer: await BY_WAY[upload.way](sender, upload) }
}

const BY_WAY: Record<Exclude<Way, 'once'>, SendUpload> = {
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

/** The same request with its key, until somebody says what became of it. */
async function sendOnce(sender: Sender, upload: SentUpload): Promise<Sent> {
  const { headers, body } = jsonOf(upload)
  const init = { headers: { ...headers, 'idempotency-key': `chaos-${upload.files[0]?.filename}` }, body }
  const giveUpAt = performance.now() + sender.patienceMs
  let answer: Answer
  let attempts = 0
  do {
    attempts++
    answer = await post(sender, init).then(conclude).catch(unanswered)
    if (answer.outcome === 'accepted') return { answer, attempts }
    await sender.wait(500)
  } while (performance.now() < giveUpAt)
  return { answer: { outcome: 'unknown', why: `given up after ${sender.patienceMs} ms: ${answer.why}` }, attempts }
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
