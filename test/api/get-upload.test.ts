import t from 'tap'
import { v4 as uuidv4, v7 as uuidv7 } from 'uuid'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { type Answer, ask, buildTestApi, createTestUser, isProblem, keyOf, postJson } from './support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws)
const store = createUploadStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })

t.test('an owner gets an upload at its Location, without internal properties', async t => {
  const user = await createTestUser(aws)
  const created = await postJson(api, user, { filename: 'a.txt', content: 'hello' })
  const { message: _message, ...upload } = created.body
  const seen = await ask(`${api.url}${created.headers.get('location')}`, { headers: user.auth })
  t.equal(seen.status, 200)
  const { updatedAt, ...rest } = seen.body
  t.match(updatedAt, /^\d{4}-\d\d-\d\dT/)
  t.same(rest, upload)
  t.equal(seen.headers.get('cache-control'), 'no-store')
})

t.test('the outbox mark of an upload is not shown', async t => {
  const user = await createTestUser(aws)
  const { body } = await postJson(api, user, { content: 'x' })
  const uploadId = String(body.uploadId)
  const record = await store.get({ owner: user.sub, uploadId })
  const other = uuidv7()
  t.equal(record?.status, 'queued')
  if (record && record.status !== 'pending') await store.create({ ...record, uploadId: other, status: 'stored' })
  await store.claimOutbox({ owner: user.sub, uploadId: other }, { now: Date.now(), until: Date.now() + 60_000 })
  const seen = await ask(`${api.url}/uploads/${other}`, { headers: user.auth })
  t.match(seen, { status: 200, body: { status: 'stored' } })
  const named = ['contentType', 'filename', 'filenameGenerated', 's3', 'sha256', 'size', 'status']
  const shown = [...named, 'updatedAt', 'uploadId', 'uploadedAt']
  t.same(Object.keys(seen.body).sort(), shown)
})

const sourceOf = (accepted: Answer) => ({ bucket: aws.env.UPLOAD_BUCKET ?? '', key: keyOf(accepted) })

t.test('a processed and a failed upload show their result', async t => {
  const user = await createTestUser(aws)
  const first = await postJson(api, user, { content: 'x' })
  const processed = { bucket: aws.env.PROCESSED_BUCKET ?? '', key: keyOf(first).replace('uploads/', 'processed/') }
  await store.markProcessed({ owner: user.sub, uploadId: String(first.body.uploadId) }, sourceOf(first), processed)
  const seen = await ask(`${api.url}/uploads/${first.body.uploadId}`, { headers: user.auth })
  t.match(seen, { status: 200, body: { status: 'processed', processed } })

  const second = await postJson(api, user, { content: 'x' })
  const failure = { code: 'NOT_TEXT', reason: 'The object is not text.' }
  await store.markFailed({ owner: user.sub, uploadId: String(second.body.uploadId) }, sourceOf(second), failure)
  const failed = await ask(`${api.url}/uploads/${second.body.uploadId}`, { headers: user.auth })
  t.match(failed, { status: 200, body: { status: 'failed', failure } })
})

t.test('an upload of another owner gets the same 404 as an unknown upload', async t => {
  const owner = await createTestUser(aws)
  const other = await createTestUser(aws)
  const { body } = await postJson(api, owner, { content: 'x' })
  const ids: Array<[string, string]> = [
    ['another owner’s', String(body.uploadId)],
    ['one that never was', uuidv7()],
    ['another version of UUID', uuidv4()],
    ['no UUID', 'hello'],
    ['a path', '..%2F..%2Fother'],
    ['a NUL', '%00'],
    ['a long one', 'x'.repeat(90)],
  ]
  const details = new Set<unknown>()
  for (const [name, id] of ids) {
    const answer = await ask(`${api.url}/uploads/${id}`, { headers: other.auth })
    isProblem(t, answer, 404, 'not-found', name)
    details.add(answer.body.detail)
  }
  t.equal(details.size, 1)
  isProblem(t, await ask(`${api.url}/uploads/${'x'.repeat(5_000)}`, { headers: other.auth }), 404, 'not-found')
})

t.test('without a token the response does not reveal whether an upload exists', async t => {
  const user = await createTestUser(aws)
  const { body } = await postJson(api, user, { content: 'x' })
  isProblem(t, await ask(`${api.url}/uploads/${body.uploadId}`), 401, 'missing-token')
})
