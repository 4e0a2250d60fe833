import { createHash, randomBytes } from 'node:crypto'
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { Test } from 'tap'
import { createUploadStore } from '../../../services/uploads/records/store.ts'
import { form } from '../../api/form.ts'
import { complete, type GrantBody, grant, partsOf, send } from '../../api/grants/support.ts'
import { ask, buildTestApi, createTestUser, type TestApi, type TestUser } from '../../api/support.ts'
import { tusClient, uploadIdOf } from '../../api/tus/client.ts'
import type { TestAws } from '../../support/aws.ts'
import type { Recorder } from '../support/recorder.ts'

const MIB = 1024 ** 2

/** Makes every kind of request to the api once, including requests that fail. */
export async function serve(t: Test, aws: TestAws, { endpoints }: Recorder): Promise<void> {
  const api = await buildTestApi(t, aws, { endpoints, env: { GRANT_PARTS_ABOVE_BYTES: '1024', LOG_LEVEL: 'silent' } })
  const user = await createTestUser(aws)
  t.equal((await ask(`${api.url}/readyz`)).status, 200)
  await wholeRequests(t, api, user)
  await brokenOff(t, api, user)
  await directly(t, api, user)
  await resumed(t, api, user)
  await followed(t, aws, api, user)
}

function post({ url }: TestApi, { auth }: TestUser, path: string, type: string, body: Buffer, headers = {}) {
  const sent = { ...auth, 'content-type': type, ...headers }
  return ask(`${url}${path}`, { method: 'POST', headers: sent, body: new Uint8Array(body) })
}

async function wholeRequests(t: Test, api: TestApi, user: TestUser): Promise<void> {
  const json = Buffer.from('{"filename":"a.txt","content":"hello"}')
  const key = { 'idempotency-key': 'once' }
  t.equal((await post(api, user, '/uploads', 'application/json', json, key)).status, 200)
  t.equal((await post(api, user, '/uploads', 'application/json', json, key)).status, 200)
  t.equal((await post(api, user, '/uploads?filename=b', 'application/x-b', randomBytes(9 * MIB))).status, 200)
  t.equal((await ask(`${api.url}/uploads?limit=5`, { headers: user.auth })).status, 200)
}

/** Rejected uploads are cleaned up: the parts of a large file, and the earlier files of a form. */
async function brokenOff(t: Test, api: TestApi, user: TestUser): Promise<void> {
  const wrong = createHash('sha256').update('another').digest('base64')
  const headers = { 'content-digest': `sha-256=:${wrong}:`, 'idempotency-key': 'refused' }
  const large = await post(api, user, '/uploads?filename=c', 'application/x-c', randomBytes(9 * MIB), headers)
  t.equal(large.status, 400, JSON.stringify(large.body))
  const files = form([
    { name: 'file', filename: 'good.txt', type: 'text/plain', value: 'good' },
    { name: 'file', filename: '..', type: 'text/plain', value: 'bad' },
  ])
  const response = await fetch(`${api.url}/uploads`, {
    method: 'POST',
    headers: { ...user.auth, ...files.headers },
    body: new Uint8Array(files.body),
  })
  await response.arrayBuffer()
  t.equal(response.status, 400)
}

/** Uploads by grants: in one request, in parts, and abandoned. */
async function directly(t: Test, api: TestApi, user: TestUser): Promise<void> {
  const small = await grant(api, user, { size: 5 })
  if (small.put) t.equal((await send(small.put, Buffer.from('hello'))).status, 200)
  t.equal((await complete(api, user, small.uploadId)).status, 200)

  const bytes = randomBytes(6 * MIB)
  const inParts = await grant(api, user, { size: bytes.length })
  await sendParts(inParts, bytes)
  t.equal((await complete(api, user, inParts.uploadId)).status, 200)

  const given = await grant(api, user, { size: bytes.length })
  const up = await fetch(`${api.url}/uploads/${given.uploadId}`, { method: 'DELETE', headers: user.auth })
  t.equal(up.status, 204)
}

async function sendParts(body: GrantBody, bytes: Buffer): Promise<void> {
  const pieces = partsOf(body, bytes)
  await Promise.all((body.parts ?? []).map((part, index) => send(part, pieces[index] ?? Buffer.alloc(0))))
}

/** Uploads by tus: one that is resumed after an incomplete part, and one that is abandoned. */
async function resumed(t: Test, api: TestApi, user: TestUser): Promise<void> {
  const client = tusClient(api, user)
  const bytes = randomBytes(9 * MIB)
  const url = await client.begin(bytes.length)
  t.equal((await client.patch(url, 0, bytes.subarray(0, MIB))).status, 204)
  t.equal((await client.patch(url, MIB, bytes.subarray(MIB))).status, 204)
  t.match(uploadIdOf(url), /^[0-9a-f-]{36}$/)
  const other = await client.begin(bytes.length)
  t.equal((await client.patch(other, 0, bytes.subarray(0, 1))).status, 204)
  t.equal((await client.request('DELETE', other)).status, 204)
}

/** Reads both objects of a processed upload, and deletes the upload. */
async function followed(t: Test, aws: TestAws, api: TestApi, user: TestUser): Promise<void> {
  const answer = await post(api, user, '/uploads?filename=d.txt', 'text/plain', Buffer.from('hello'))
  const { uploadId, s3 } = answer.body as unknown as GrantBody
  // The worker's part of the work, which is not recorded.
  const processed = { bucket: aws.env.PROCESSED_BUCKET ?? '', key: s3.key.replace('uploads/', 'processed/') }
  await aws.s3.send(new PutObjectCommand({ Bucket: processed.bucket, Key: processed.key, Body: 'HELLO' }))
  const store = createUploadStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })
  await store.markProcessed({ owner: user.sub, uploadId }, s3, processed)
  for (const [path, text] of Object.entries({ content: 'hello', processed: 'HELLO' })) {
    const response = await fetch(`${api.url}/uploads/${uploadId}/${path}`, { headers: user.auth })
    t.equal(await response.text(), text)
  }
  await aws.s3.send(new DeleteObjectCommand({ Bucket: processed.bucket, Key: processed.key }))
  t.equal((await ask(`${api.url}/uploads/${uploadId}/processed`, { headers: user.auth })).status, 404)
  const gone = await fetch(`${api.url}/uploads/${uploadId}`, { method: 'DELETE', headers: user.auth })
  t.equal(gone.status, 204)
}
