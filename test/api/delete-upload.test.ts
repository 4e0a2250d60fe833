import t, { type Test } from 'tap'
import { names } from '../../services/platform/resources.ts'
import { createRemoveObject } from '../../services/uploads/objects/remove-object.ts'
import { createRemoveOutputs } from '../../services/uploads/objects/remove-outputs.ts'
import { createResultStore } from '../../services/uploads/objects/result-store.ts'
import { createDeletions } from '../../services/uploads/records/deletions.ts'
import { startAws } from '../support/aws.ts'
import { operation, startFaultProxy, to } from '../support/fault-proxy.ts'
import { throttled } from '../support/faults/aws-errors.ts'
import { readContract } from './contract.ts'
import { ask, buildTestApi, createTestUser, isProblem, postJson, readObject, type TestUser } from './support.ts'

const aws = await startAws(t)
const s3 = await startFaultProxy(t, aws.endpoints.s3)
const dynamodb = await startFaultProxy(t, aws.endpoints.dynamodb)
const api = await buildTestApi(t, aws, { endpoints: { s3: s3.url, dynamodb: dynamodb.url } })
const contract = await readContract(api)

async function posted(user: TestUser): Promise<string> {
  const { body } = await postJson(api, user, { filename: 'a.txt', content: 'hello' })
  return String(body.uploadId)
}

function remove(t: Test, { auth }: Pick<TestUser, 'auth'>, uploadId: string) {
  return contract.ask(t, 'delete /uploads/{id}', `/uploads/${uploadId}`, { headers: auth })
}

/** Asserts that no route returns an upload. */
async function isNowhere(t: Test, user: TestUser, uploadId: string): Promise<void> {
  for (const path of ['', '/events', '/content', '/processed']) {
    const answer = await contract.ask(t, `get /uploads/{id}${path}`, `/uploads/${uploadId}${path}`, {
      headers: user.auth,
    })
    isProblem(t, answer, 404, 'not-found', path)
  }
  t.same((await contract.ask(t, 'get /uploads', '/uploads', { headers: user.auth })).body.uploads, [])
}

t.test('an owner deletes an upload once or several times, and nothing of it is left', async t => {
  const user = await createTestUser(aws)
  const uploadId = await posted(user)
  for (const time of [1, 2, 3]) t.equal((await remove(t, user, uploadId)).status, 204, `time ${time}`)
  await isNowhere(t, user, uploadId)
  const { objects, records } = await user.traces()
  t.same(objects, [])
  t.match(records, [{ uploadId, status: 'deleted' }])
})

t.test('concurrent deletions of an upload all succeed', async t => {
  const user = await createTestUser(aws)
  const uploadId = await posted(user)
  const answers = await Promise.all(Array.from({ length: 8 }, () => remove(t, user, uploadId)))
  t.same(new Set(answers.map(({ status }) => status)), new Set([204]))
  t.same((await user.traces()).objects, [])
})

t.test('deleting another owner’s upload or an unknown one is 404', async t => {
  const user = await createTestUser(aws)
  const stranger = await createTestUser(aws)
  const uploadId = await posted(user)
  isProblem(t, await remove(t, stranger, uploadId), 404, 'not-found')
  isProblem(t, await remove(t, stranger, 'hello'), 404, 'not-found')
  isProblem(t, await remove(t, { auth: { authorization: '' } }, uploadId), 401, 'missing-token')
  const { objects, records } = await user.traces()
  t.equal(objects.length, 1)
  t.match(records, [{ status: 'queued' }])
  t.equal((await readObject(aws, objects[0] ?? '')).bytes.toString(), 'hello')
})

t.test(
  'while S3 does not respond, DELETE hides the upload with 202, and the next DELETE removes its objects',
  async t => {
    const user = await createTestUser(aws)
    const uploadId = await posted(user)
    const trouble = s3.inject(throttled('s3'), { when: to('DELETE') })
    const answer = await remove(t, user, uploadId)
    t.match(answer, { status: 202, body: { message: /will be removed/ } })
    await isNowhere(t, user, uploadId)
    const { objects, records } = await user.traces()
    t.equal(objects.length, 1)
    t.match(records, [{ status: 'deleted', outboxPartition: /^outbox-/ }], 'the relay will remove them')
    trouble.remove()
    t.equal((await remove(t, user, uploadId)).status, 204)
    t.same((await user.traces()).objects, [])
  },
)

t.test('while DynamoDB takes no writes, nothing is deleted, and the client gets an error', async t => {
  const user = await createTestUser(aws)
  const uploadId = await posted(user)
  const trouble = dynamodb.inject(throttled('dynamodb'), { when: operation('UpdateItem') })
  isProblem(t, await remove(t, user, uploadId), 503, 'unavailable')
  trouble.remove()
  const { objects, records } = await user.traces()
  t.equal(objects.length, 1)
  t.match(records, [{ status: 'queued' }])
})

t.test('after a crash between the steps of a deletion the upload is hidden, and the next DELETE continues', async t => {
  const user = await createTestUser(aws)
  const uploadId = await posted(user)
  const removeObject = createRemoveObject(aws.s3)
  const records = { dynamodb: aws.dynamodb, table: names.uploadsTable }
  const removeOutputs = createRemoveOutputs(aws.s3, createResultStore(records))
  const deletions = createDeletions({ ...records, removeObject, removeOutputs })
  await deletions.begin({ owner: user.sub, uploadId })
  await isNowhere(t, user, uploadId)
  t.equal((await remove(t, user, uploadId)).status, 204)
  t.same((await user.traces()).objects, [])
})

t.test('DELETE ends a pending upload and its grant', async t => {
  const user = await createTestUser(aws)
  const body = JSON.stringify({ filename: 'a.txt', contentType: 'text/plain', size: 5 })
  const headers = { ...user.auth, 'content-type': 'application/json' }
  const granted = await ask(`${api.url}/uploads/grants`, { method: 'POST', headers, body })
  const location = granted.headers.get('location') ?? ''
  const uploadId = location.slice(location.lastIndexOf('/') + 1)
  t.equal((await remove(t, user, uploadId)).status, 204)
  isProblem(t, await ask(`${api.url}${location}`, { headers: user.auth }), 404, 'not-found')
  isProblem(t, await ask(`${api.url}${location}/complete`, { method: 'POST', headers: user.auth }), 404, 'not-found')
})

t.test('a deleted upload can not be completed', async t => {
  const user = await createTestUser(aws)
  const uploadId = await posted(user)
  t.equal((await remove(t, user, uploadId)).status, 204)
  const answer = await ask(`${api.url}/uploads/${uploadId}/complete`, { method: 'POST', headers: user.auth })
  isProblem(t, answer, 404, 'not-found')
})

t.test('OPTIONS lists the methods of an upload', async t => {
  const methods = {
    '/uploads/1': 'DELETE, GET, HEAD, OPTIONS',
    '/uploads/1/events': 'GET, HEAD, OPTIONS',
    '/uploads/1/content': 'GET, HEAD, OPTIONS',
    '/uploads/1/processed': 'GET, HEAD, OPTIONS',
  }
  for (const [path, allow] of Object.entries(methods)) {
    const answer = await fetch(api.url + path, { method: 'OPTIONS' })
    t.equal(answer.status, 204, path)
    t.equal(answer.headers.get('allow'), allow)
  }
  t.equal((await fetch(`${api.url}/nothing`, { method: 'OPTIONS' })).status, 404)
})
