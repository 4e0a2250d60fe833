import type { Answer } from '../evidence/ledger.ts'
import type { SentUpload } from '../plan/uploads.ts'
import { conclude, unanswered } from './answers.ts'
import type { Sender } from './client.ts'
import { type Reply, send } from './http.ts'

const TRIES = 8
const BETWEEN_MS = 1_000

/** Requests a grant, puts the file and completes. Retries the last two, as any client may. */
export async function sendByGrant(sender: Sender, { files: [file] }: SentUpload): Promise<Answer> {
  if (!file) throw new TypeError('An upload has a file.')
  const { authorization } = sender
  const { filename, contentType, bytes } = file
  const headers = { authorization, 'content-type': 'application/json' }
  const wanted = JSON.stringify({ filename, contentType, size: bytes.byteLength })
  const asked = { method: 'POST', headers, body: wanted }
  const grant = await send(`${sender.api()}/uploads/grants`, asked).catch(unanswered)
  if (!('status' in grant)) return grant
  if (grant.status !== 201) return conclude(grant)

  const { url, headers: signed } = grant.body.put as { url: string; headers: Record<string, string> }
  const put = () => send(url, { method: 'PUT', headers: signed, body: new Uint8Array(bytes) })
  if (!(await insist(sender, put, ({ status }) => status === 200)))
    return { outcome: 'unknown', why: 'S3 took no file' }
  const complete = () =>
    send(`${sender.api()}/uploads/${grant.body.uploadId}/complete`, { method: 'POST', headers: { authorization } })
  const done = await insist(sender, complete, ({ status }) => status === 200 || status === 202)
  return done ? conclude(done) : { outcome: 'unknown', why: 'the grant was not completed' }
}

/** Retries until the answer is a success, and returns it. */
async function insist(
  { wait }: Sender,
  ask: () => Promise<Reply>,
  isGood: (reply: Reply) => boolean,
): Promise<Reply | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    const reply = await ask().catch(unanswered)
    if ('status' in reply && isGood(reply)) return reply
    await wait(BETWEEN_MS)
  }
  return undefined
}
