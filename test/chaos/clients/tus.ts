import type { Answer } from '../evidence/ledger.ts'
import type { SentUpload } from '../plan/uploads.ts'
import { conclude, unanswered } from './answers.ts'
import type { Sender } from './client.ts'
import { type Reply, send } from './http.ts'

const TRIES = 16
const BETWEEN_MS = 1_000
const VERSION = { 'tus-resumable': '1.0.0' }

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** Sends a file by tus in two pieces, and resumes as often as necessary. */
export async function sendByTus(sender: Sender, { files: [file] }: SentUpload): Promise<Answer> {
  if (!file) throw new TypeError('An upload has a file.')
  const { filename, contentType, bytes } = file
  const headers = { ...VERSION, authorization: sender.authorization }
  const metadata = `filename ${base64(filename)},filetype ${base64(contentType)}`
  const begin = { ...headers, 'upload-length': String(bytes.byteLength), 'upload-metadata': metadata }
  const begun = await send(`${sender.api()}/uploads/tus`, { method: 'POST', headers: begin }).catch(unanswered)
  if (!('status' in begun)) return begun
  const location = begun.headers.get('location')
  if (begun.status !== 201 || location === null) return conclude(begun)

  const path = new URL(location, sender.api()).pathname
  const half = Math.ceil(bytes.byteLength / 2)
  const ask = () => send(sender.api() + path, { method: 'HEAD', headers })
  const patch = (from: number) =>
    send(sender.api() + path, {
      method: 'PATCH',
      headers: { ...headers, 'upload-offset': String(from), 'content-type': 'application/offset+octet-stream' },
      body: new Uint8Array(bytes.subarray(from, from < half ? half : undefined)),
    })
  let offset = 0
  for (let tries = 0; tries < TRIES; tries++) {
    const received = offsetIn(await patch(offset).catch(unanswered)) ?? offsetIn(await ask().catch(unanswered))
    if (received === bytes.byteLength) return { outcome: 'accepted', uploadIds: [path.split('/').at(-1) ?? ''] }
    if (received === undefined || received === offset) await sender.wait(BETWEEN_MS)
    offset = received ?? offset
  }
  return { outcome: 'unknown', why: 'not all of it was taken' }
}

function offsetIn(reply: Reply | Answer): number | undefined {
  if (!('status' in reply) || ![200, 204].includes(reply.status)) return undefined
  return Number(reply.headers.get('upload-offset'))
}
