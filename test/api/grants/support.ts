import { createHash } from 'node:crypto'
import { type Answer, ask, type TestApi, type TestUser } from '../support.ts'

export interface Request {
  url: string
  headers: Record<string, string>
}

export interface GrantBody {
  uploadId: string
  expiresAt: string
  urlsExpireAt: string
  complete: string
  renew: string
  s3: { bucket: string; key: string }
  put?: Request
  parts?: Array<Request & { partNumber: number; size: number }>
}

export const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

export function askGrant({ url }: Pick<TestApi, 'url'>, user: Pick<TestUser, 'auth'>, body: unknown): Promise<Answer> {
  const headers = { ...user.auth, 'content-type': 'application/json' }
  return ask(`${url}/uploads/grants`, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** Requests a grant that must succeed. */
export async function grant(
  api: Pick<TestApi, 'url'>,
  user: Pick<TestUser, 'auth'>,
  wanted: Record<string, unknown>,
): Promise<GrantBody> {
  const answer = await askGrant(api, user, { filename: 'a.bin', contentType: 'application/x-test', ...wanted })
  if (answer.status !== 201) throw new Error(`No grant: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body as unknown as GrantBody
}

export async function send({ url, headers }: Request, bytes: Uint8Array): Promise<Response> {
  const response = await fetch(url, { method: 'PUT', headers, body: Buffer.from(bytes) })
  await response.arrayBuffer()
  return response
}

export function complete(
  { url }: Pick<TestApi, 'url'>,
  user: Pick<TestUser, 'auth'>,
  uploadId: string,
): Promise<Answer> {
  return ask(`${url}/uploads/${uploadId}/complete`, { method: 'POST', headers: user.auth })
}

/** Divides the bytes into the granted parts. */
export function partsOf({ parts = [] }: GrantBody, bytes: Buffer): Buffer[] {
  const ends = parts.map((_, index) => parts.slice(0, index + 1).reduce((sum, { size }) => sum + size, 0))
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}
