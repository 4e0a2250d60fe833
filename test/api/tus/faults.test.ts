import { randomBytes } from 'node:crypto'
import { AbortMultipartUploadCommand, DeleteObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { operation, startFaultProxy, to } from '../../support/fault-proxy.ts'
import { internalError, throttled } from '../../support/faults/aws-errors.ts'
import { loseReply } from '../../support/faults/faults.ts'
import { buildTestApi, createTestUser, NO_TRACES, readObject } from '../support.ts'
import { sha256Of, tusClient } from './client.ts'

const MIB = 1024 ** 2

const aws = await startAws(t)

// Each test mostly waits for retries, with an api and users of its own.
t.jobs = 4

t.test('the full offset is reported only once the upload is accepted, and HEAD accepts it', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  const api = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const bytes = randomBytes(9 * MIB)
  const url = await client.begin(bytes.length)
  const fault = proxy.inject(
    async exchange => {
      const body = await exchange.body()
      if (body.includes(':stored')) await throttled('dynamodb')(exchange)
      else await exchange.relay(await exchange.forward(body))
    },
    { when: operation('UpdateItem') },
  )
  const sent = await client.patch(url, 0, bytes)
  t.match(sent, { status: 503, body: { type: 'urn:headgate:problem:unavailable' } })
  fault.remove()
  t.match((await user.traces()).records, [{ status: 'pending' }])
  t.equal(await client.offset(url), bytes.length)
  t.match(await user.traces(), { openUploads: 0, records: [{ status: 'queued', sha256: sha256Of(bytes) }] })
})

t.test('while S3 does not complete an upload, its offset is not reported, and later it continues', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const api = await buildTestApi(t, aws, { endpoints: { s3: proxy.url } })
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const bytes = randomBytes(9 * MIB)
  const url = await client.begin(bytes.length)
  const fault = proxy.inject(throttled('s3'), { when: to('POST', /uploadId=/) })
  t.match(await client.patch(url, 0, bytes), { status: 503 })
  t.match(await client.head(url), { status: 503 })
  fault.remove()
  t.equal(await client.offset(url), bytes.length)
  t.match((await user.traces()).records, [{ status: 'queued', sha256: sha256Of(bytes) }])
})

t.test('an upload survives the loss of any one response of S3', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const api = await buildTestApi(t, aws, { endpoints: { s3: proxy.url } })
  for (const when of [to('PUT', /partNumber=2/), to('POST', /uploadId=/), to('POST', /uploads/), to('PUT', /tails/)]) {
    const user = await createTestUser(aws)
    const client = tusClient(api, user)
    const bytes = randomBytes(17 * MIB)
    const url = await client.begin(bytes.length)
    const lost = proxy.inject(loseReply, { when, times: 1 })
    t.match(await client.patch(url, 0, bytes.subarray(0, 10 * MIB)), { status: 204 })
    t.match(await client.patch(url, 10 * MIB, bytes.subarray(10 * MIB)), { status: 204 })
    t.equal(lost.hits, 1)
    const { objects, records } = await user.traces()
    t.match(records, [{ status: 'queued', sha256: sha256Of(bytes) }])
    t.ok((await readObject(aws, objects[0] ?? '')).bytes.equals(bytes))
  }
})

t.test('an upload survives the loss of any one response of DynamoDB', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  const api = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
  for (let nth = 1; nth <= 7; nth++) {
    const user = await createTestUser(aws)
    const client = tusClient(api, user)
    const bytes = randomBytes(9 * MIB)
    let count = 0
    const writes = (request: Parameters<ReturnType<typeof operation>>[0]) =>
      (operation('UpdateItem')(request) || operation('PutItem')(request)) && ++count === nth
    const lost = proxy.inject(loseReply, { when: writes, times: 1 })
    const url = await client.begin(bytes.length)
    t.match(await client.patch(url, 0, bytes), { status: 204 }, `write ${nth}`)
    lost.remove()
    t.match((await user.traces()).records, [{ status: 'queued', sha256: sha256Of(bytes) }], `write ${nth}`)
  }
})

t.test('a part that S3 rejects fails the request, and earlier bytes are kept', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const api = await buildTestApi(t, aws, { endpoints: { s3: proxy.url } })
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const bytes = randomBytes(40 * MIB)
  const url = await client.begin(bytes.length)
  const fault = proxy.inject(internalError('s3'), { when: to('PUT', /partNumber=3/) })
  t.match(await client.patch(url, 0, bytes), { status: 503 })
  fault.remove()
  const offset = await client.offset(url)
  t.equal(offset, 16 * MIB, 'the first two parts')
  t.match(await client.patch(url, offset, bytes.subarray(offset)), { status: 204 })
  const { objects, records } = await user.traces()
  t.match(records, [{ status: 'queued' }])
  t.ok((await readObject(aws, objects[0] ?? '')).bytes.equals(bytes))
})

t.test('an upload whose stored bytes were deleted ends, and is not retried forever', async t => {
  const api = await buildTestApi(t, aws)
  const Bucket = aws.env.UPLOAD_BUCKET
  const parts = async (user: { sub: string }) => {
    const open = await aws.s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: `uploads/${user.sub}/` }))
    for (const { Key, UploadId } of open.Uploads ?? []) {
      await aws.s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
    }
  }
  const tail = async (user: Awaited<ReturnType<typeof createTestUser>>) => {
    const { arrival } = (await user.traces()).records[0] as { arrival: { tail: { key: string } } }
    await aws.s3.send(new DeleteObjectCommand({ Bucket, Key: arrival.tail.key }))
  }
  for (const [what, cleanUp, arrived] of [
    ['parts', parts, 8 * MIB],
    ['beginning', tail, 3 * MIB],
  ] as const) {
    const user = await createTestUser(aws)
    const client = tusClient(api, user)
    const bytes = randomBytes(20 * MIB)
    const url = await client.begin(bytes.length)
    t.match(await client.patch(url, 0, bytes.subarray(0, arrived)), { status: 204 })
    await cleanUp(user)
    const gone = await client.patch(url, arrived, bytes.subarray(arrived))
    t.match(gone, { status: 410, body: { type: 'urn:headgate:problem:upload-expired' } }, what)
    t.match(await client.head(url), { status: 404 }, what)
    t.same(await user.traces(), NO_TRACES, what)
  }
})

t.test('while Kinesis does not respond, the upload is accepted and its event waits in the outbox', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.kinesis)
  proxy.inject(throttled('kinesis'))
  const env = { EVENT_PUT_TIMEOUT_MS: '300' }
  const api = await buildTestApi(t, aws, { endpoints: { kinesis: proxy.url }, env })
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const url = await client.begin(5)
  t.match(await client.patch(url, 0, Buffer.from('hello')), { status: 204 })
  t.match((await user.traces()).records, [{ status: 'stored', outboxPartition: /^outbox-/ }])
})
