import type { Test } from 'tap'
import { type Answer, ask } from '../../api/support.ts'
import type { SecondUser } from '../support/users.ts'
import type { AcceptedUpload, Bytes, Expectations } from './expectations.ts'

/** The target of the scenario: any deployment of the api, and two users. */
export interface Scene {
  readonly api: { readonly url: string }
  readonly user: SecondUser
  readonly other: SecondUser
  readonly expected: Expectations
}

/** The value of `TRANSFORMS` for the workers of a scene, which determines the output of every upload. */
export const TRANSFORMS = JSON.stringify({
  rules: [
    { contentType: 'application/octet-stream', transform: 'copy' },
    { contentType: 'text/csv', transform: 'csv-to-ndjson', sink: { 'bad-rows.json': 'dynamodb' } },
  ],
})

export const BINARY = 'application/octet-stream'

/**
 * Sends POST /uploads.
 *
 * @param query including its question mark
 */
export function post(
  { api, user }: Pick<Scene, 'api' | 'user'>,
  { query = '', headers = {}, body }: { query?: string; headers?: Record<string, string>; body: Bytes | FormData },
): Promise<Answer> {
  return ask(`${api.url}/uploads${query}`, {
    method: 'POST',
    headers: { ...user.auth, ...headers },
    body: body instanceof Uint8Array ? new Uint8Array(body) : body,
  })
}

export function postJson(scene: Pick<Scene, 'api' | 'user'>, body: unknown, headers = {}): Promise<Answer> {
  return post(scene, { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })
}

/** Sends a GET request of the user, such as `/uploads?limit=3`. */
export function get({ api, user }: Pick<Scene, 'api' | 'user'>, path: string): Promise<Answer> {
  return ask(api.url + path, { headers: user.auth })
}

/** Returns the upload of a successful response. 202 is successful: the event is published later. */
export function accepted({ status, body }: Answer): AcceptedUpload {
  if (status !== 200 && status !== 202) throw new Error(`Not accepted: ${status} ${JSON.stringify(body)}`)
  return body as unknown as AcceptedUpload
}

/** The time limit for one upload. Several uploads that are awaited together share their own deadline. */
const PATIENCE_MS = 80_000

/**
 * Resolves to the upload once it is processed. The test fails if it is not.
 *
 * @param deadline in milliseconds of `performance.now()`
 */
export async function untilProcessed(
  t: Test,
  scene: Scene,
  { uploadId }: AcceptedUpload,
  deadline = performance.now() + PATIENCE_MS,
): Promise<Answer['body']> {
  let answer: Answer
  do answer = await get(scene, `/uploads/${uploadId}?wait=20`)
  while (answer.status === 200 && !isFinal(answer) && performance.now() < deadline)
  const { status, filename, failure } = answer.body
  t.equal(status, 'processed', `${filename} is processed ${failure ? JSON.stringify(failure) : ''}`)
  return answer.body
}

const isFinal = ({ body }: Answer) => body.status === 'processed' || body.status === 'failed'

/** Waits for an upload, and expects its bytes and its output in the buckets. */
export async function follow(
  t: Test,
  scene: Scene,
  answer: Answer | AcceptedUpload,
  { bytes, output }: { bytes: Bytes; output: Bytes },
): Promise<AcceptedUpload> {
  const upload = 'uploadId' in answer ? answer : accepted(answer)
  scene.expected.processed(upload, bytes, output)
  await untilProcessed(t, scene, upload)
  return upload
}

/** Follows a redirect without the token, which S3 would reject, and resolves to the content. */
export async function download({ api, user }: Scene, path: string): Promise<{ headers: Headers; bytes: Buffer }> {
  const response = await fetch(api.url + path, { headers: user.auth, redirect: 'manual' })
  const location = response.headers.get('location')
  // The response itself contains an output that is an item of the table.
  const object = location === null ? response : await fetch(location)
  const bytes = Buffer.from(await object.arrayBuffer())
  if (!object.ok) throw new Error(`${path} responded with ${response.status}, ${object.status}: ${bytes}`)
  return { headers: object.headers, bytes }
}
