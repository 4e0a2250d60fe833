import type { Deletion } from '../evidence/ledger.ts'
import { unanswered } from './answers.ts'
import type { Sender } from './client.ts'
import { send } from './http.ts'

const TRIES = 3
const BETWEEN_MS = 500

/** Requests a deletion, with a few retries. */
export async function deleteUpload(sender: Sender, uploadId: string): Promise<Deletion> {
  const headers = { authorization: sender.authorization }
  for (let tries = 0; tries < TRIES; tries++) {
    const reply = await send(`${sender.api()}/uploads/${uploadId}`, { method: 'DELETE', headers }).catch(unanswered)
    const status = 'status' in reply ? reply.status : undefined
    if (status === 204 || status === 202) return 'deleted'
    if (status === 404) return 'not found'
    await sender.wait(BETWEEN_MS)
  }
  return 'unknown'
}

/** Returns the status of `GET /uploads/{id}`, if the answer is conclusive. */
export async function lookUp(sender: Sender, uploadId: string): Promise<number | undefined> {
  const headers = { authorization: sender.authorization }
  const reply = await send(`${sender.api()}/uploads/${uploadId}`, { headers }).catch(unanswered)
  return 'status' in reply && reply.status < 500 ? reply.status : undefined
}
