import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { EventNotPublishedError } from '../../services/uploads/errors.ts'
import { startAws } from '../support/aws.ts'
import { operation, startFaultProxy } from '../support/fault-proxy.ts'
import { throttled } from '../support/faults/aws-errors.ts'
import { loseReply } from '../support/faults/faults.ts'
import { form } from './form.ts'
import {
  type Answer,
  ask,
  buildTestApi,
  createTestUser,
  isProblem,
  keyOf,
  NO_TRACES,
  postJson,
  readObject,
  type TestApi,
  type TestUser,
} from './support.ts'

const aws = await startAws(t)

// Each test mostly waits for retries, with an api and users of its own.
t.jobs = 4

/** Returns an address on which no server listens. */
async function deadEndpoint(): Promise<string> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

const dead = await deadEndpoint()

const formats: Record<string, (api: TestApi, user: TestUser, bytes?: number) => Promise<Answer>> = {
  json: (api, user) => postJson(api, user, { filename: 'a.txt', content: 'hello' }),
  raw: ({ url }, { auth }, bytes = 5) =>
    ask(`${url}/uploads?filename=a.txt`, { method: 'POST', headers: auth, body: Buffer.alloc(bytes, 'x') }),
  multipart: ({ url }, { auth }, bytes = 5) => {
    const { body, headers } = form([{ name: 'file', filename: 'a.txt', value: Buffer.alloc(bytes, 'x') }])
    return ask(`${url}/uploads`, { method: 'POST', headers: { ...auth, ...headers }, body })
  },
}

t.test('while Kinesis does not respond, an upload gets 202 and keeps its outbox mark', async t => {
  const api = await buildTestApi(t, aws, { endpoints: { kinesis: dead }, env: { EVENT_PUT_TIMEOUT_MS: '300' } })
  const user = await createTestUser(aws)
  const answer = await postJson(api, user, { filename: 'a.txt', content: 'hello' })
  t.match(answer, { status: 202, body: { status: 'stored', message: 'Stored; it will be queued for processing' } })
  t.equal(answer.headers.get('location'), `/uploads/${answer.body.uploadId}`)
  t.equal((await readObject(aws, keyOf(answer))).bytes.toString(), 'hello')
  t.match((await user.traces()).records, [{ status: 'stored', outboxPartition: /^outbox-\d+$/ }])
  const seen = await ask(`${api.url}${answer.headers.get('location')}`, { headers: user.auth })
  t.match(seen, { status: 200, body: { status: 'stored' } })
})

t.test('while S3 does not respond, an upload gets 503 and leaves no record', async t => {
  const api = await buildTestApi(t, aws, { endpoints: { s3: dead } })
  for (const [format, send] of Object.entries(formats)) {
    const user = await createTestUser(aws)
    for (const bytes of format === 'json' ? [5] : [5, 20 * 1024 ** 2]) {
      const answer = await send(api, user, bytes)
      isProblem(t, answer, 503, 'unavailable', `${format}, ${bytes} bytes`)
      t.match(answer.headers.get('retry-after'), /^\d+$/)
      t.notMatch(JSON.stringify(answer.body), /ECONN|127\.0\.0\.1|bucket/i, 'the response has no internal details')
    }
    t.same(await user.traces(), NO_TRACES, format)
  }
})

t.test('while DynamoDB accepts no records, an upload gets 503 and its object is deleted', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  proxy.inject(throttled('dynamodb'), { when: operation('PutItem') })
  const api = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
  const checks = Object.entries(formats).map(async ([format, send]) => {
    const user = await createTestUser(aws)
    const answer = await send(api, user)
    isProblem(t, answer, 503, 'unavailable', format)
    t.match(answer.body.detail, /Nothing was accepted/)
    t.same(await user.traces(), NO_TRACES, format)
  })
  await Promise.all(checks)
})

t.test('an upload whose record was written is accepted, even if every response was lost', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  const lost = proxy.inject(loseReply, { when: operation('PutItem') })
  const api = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
  for (const [format, send] of Object.entries(formats)) {
    const user = await createTestUser(aws)
    const before = lost.hits
    const answer = await send(api, user)
    t.match(answer, { status: 200, body: { status: 'queued' } }, format)
    t.ok(lost.hits - before > 1, 'the SDK tried again before it gave up')
    const { objects, records } = await user.traces()
    t.same(objects, [keyOf(answer)])
    t.match(records, [{ uploadId: answer.body.uploadId, status: 'queued' }])
  }
  t.match(api.log.join(''), /the response to the write was lost, but the upload is recorded/)
})

t.test('an upload with an unknown result gets 503, and its object is not deleted', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  const api = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
  proxy.inject(loseReply, { when: operation('PutItem') })
  proxy.inject(throttled('dynamodb'), { when: operation('GetItem') })
  const user = await createTestUser(aws)
  const answer = await postJson(api, user, { content: 'x' })
  isProblem(t, answer, 503, 'unavailable')
  t.match(answer.body.detail, /It is unknown whether/)
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  t.match(api.log.join(''), /it is unknown whether the upload is recorded: its object is kept/)
  const { objects, records } = await user.traces()
  t.match(records, [{ key: objects[0], status: 'queued' }], 'it is there to be finished when it is sent again')
})

t.test('while DynamoDB does not respond at all, an upload gets 503 and its object stays', async t => {
  const api = await buildTestApi(t, aws, { endpoints: { dynamodb: dead } })
  for (const [format, send] of Object.entries(formats)) {
    const user = await createTestUser(aws)
    const answer = await send(api, user)
    isProblem(t, answer, 503, 'unavailable', format)
    t.match(await user.traces(), { objects: [/^uploads\//], openUploads: 0, records: [] }, format)
  }
  const user = await createTestUser(aws)
  const seen = await ask(`${api.url}/uploads/01a20719-938a-7161-9d06-f77ddd825404`, { headers: user.auth })
  isProblem(t, seen, 503, 'unavailable', 'reading an upload')
})

t.test('with a flat key the object of an unrecorded upload stays, because it may belong to another upload', async t => {
  const env = { KEY_TEMPLATE: 'uploads/{filename}' }
  const api = await buildTestApi(t, aws, { endpoints: { dynamodb: dead }, env })
  const user = await createTestUser(aws)
  const filename = `${user.sub}.txt`
  isProblem(t, await postJson(api, user, { filename, content: 'x' }), 503, 'unavailable')
  t.equal((await readObject(aws, `uploads/${filename}`)).bytes.toString(), 'x')
})

t.test('a missing bucket causes 500, and the response does not have its name', async t => {
  const api = await buildTestApi(t, aws, { env: { UPLOAD_BUCKET: 'no-such-bucket' } })
  const user = await createTestUser(aws)
  const answer = await postJson(api, user, { content: 'x' })
  isProblem(t, answer, 500, 'internal-error')
  t.notMatch(JSON.stringify(answer.body), /bucket/i)
  t.match(api.log.join(''), /NoSuchBucket/, 'the log has it')
  t.same(await user.traces(), NO_TRACES)
})

t.test('an upload that neither Kinesis nor the outbox accepts gets 503, and none of its data is lost', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  proxy.inject(throttled('dynamodb'), { when: operation('UpdateItem') })
  const endpoints = { kinesis: dead, dynamodb: proxy.url }
  const api = await buildTestApi(t, aws, { endpoints, env: { EVENT_PUT_TIMEOUT_MS: '100' } })
  const user = await createTestUser(aws)
  const answer = await postJson(api, user, { content: 'x' })
  isProblem(t, answer, 503, 'unavailable')
  t.match(answer.body.detail, /it is unknown whether it will be processed/)
  const { objects, records } = await user.traces()
  t.match(records, [{ key: objects[0], status: 'queued' }], 'it is there to be finished when it is sent again')
})

t.test('an upload whose event was published without a response and then processed gets no outbox mark', async t => {
  const api = await buildTestApi(t, aws, {
    services: services => ({
      ...services,
      publisher: {
        ...services.publisher,
        publish: async event => {
          const source = { bucket: event.bucket, key: event.key }
          const upload = { owner: event.userSub, uploadId: event.uploadId }
          await services.store.markProcessed(upload, source, { bucket: 'processed', key: 'x' })
          throw new EventNotPublishedError('no reply')
        },
      },
    }),
  })
  const user = await createTestUser(aws)
  t.match(await postJson(api, user, { content: 'x' }), { status: 200, body: { status: 'queued' } })
  const { records } = await user.traces()
  t.match(records, [{ status: 'processed', outboxPartition: undefined }])
})

t.test('an upload whose event the publisher rejects at once gets 202 too', async t => {
  const api = await buildTestApi(t, aws, {
    services: services => ({
      ...services,
      publisher: { ...services.publisher, publish: () => Promise.reject(new EventNotPublishedError('full')) },
    }),
  })
  const user = await createTestUser(aws)
  t.match(await postJson(api, user, { content: 'x' }), { status: 202, body: { status: 'stored' } })
})
