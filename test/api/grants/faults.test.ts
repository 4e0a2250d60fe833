import { randomBytes } from 'node:crypto'
import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { operation, startFaultProxy, to } from '../../support/fault-proxy.ts'
import { internalError, throttled } from '../../support/faults/aws-errors.ts'
import { delay, loseReply } from '../../support/faults/faults.ts'
import { ask, buildTestApi, createTestUser, isProblem, NO_TRACES } from '../support.ts'
import { askGrant, complete, grant, partsOf, send, sha256Of } from './support.ts'

const MIB = 1024 ** 2

const aws = await startAws(t)

// Each test mostly waits for retries, with an api and users of its own.
t.jobs = 4

/** Sends the parts directly to S3, because the URLs have the public endpoint. */
async function sendParts(granted: Awaited<ReturnType<typeof grant>>, bytes: Buffer): Promise<void> {
  const pieces = partsOf(granted, bytes)
  for (const [index, part] of (granted.parts ?? []).entries()) await send(part, pieces[index] ?? Buffer.alloc(0))
}

t.test('a completion survives the loss of any one response of S3 or DynamoDB', async t => {
  const s3 = await startFaultProxy(t, aws.endpoints.s3)
  const dynamodb = await startFaultProxy(t, aws.endpoints.dynamodb)
  const api = await buildTestApi(t, aws, { endpoints: { s3: s3.url, dynamodb: dynamodb.url } })
  for (const lose of [
    () => s3.inject(loseReply, { when: to('POST', /uploadId=/), times: 1 }),
    () => s3.inject(loseReply, { when: to('HEAD'), times: 1 }),
    () => dynamodb.inject(loseReply, { when: operation('UpdateItem'), times: 1 }),
  ]) {
    const user = await createTestUser(aws)
    const bytes = randomBytes(11 * MIB)
    const granted = await grant(api, user, { size: bytes.length })
    await sendParts(granted, bytes)
    const lost = lose()
    t.match(await complete(api, user, granted.uploadId), { status: 200, body: { size: bytes.length } })
    t.equal(lost.hits, 1)
    t.match(await user.traces(), { openUploads: 0, records: [{ status: 'queued' }] })
  }
})

t.test('a completion that failed at any step can be repeated with the same result', async t => {
  const s3 = await startFaultProxy(t, aws.endpoints.s3)
  const dynamodb = await startFaultProxy(t, aws.endpoints.dynamodb)
  const api = await buildTestApi(t, aws, { endpoints: { s3: s3.url, dynamodb: dynamodb.url } })
  for (const fail of [
    () => s3.inject(internalError('s3'), { when: to('GET', /uploadId=/) }),
    () => s3.inject(internalError('s3'), { when: to('POST', /uploadId=/) }),
    () => s3.inject(internalError('s3'), { when: to('GET', /x-id=GetObject/) }),
    () => dynamodb.inject(throttled('dynamodb'), { when: operation('UpdateItem') }),
  ]) {
    const user = await createTestUser(aws)
    const bytes = randomBytes(11 * MIB)
    const granted = await grant(api, user, { size: bytes.length })
    await sendParts(granted, bytes)
    const fault = fail()
    isProblem(t, await complete(api, user, granted.uploadId), 503, 'unavailable')
    t.ok(fault.hits > 0)
    fault.remove()
    t.match(await complete(api, user, granted.uploadId), { status: 200, body: { size: bytes.length } })
    t.match(await user.traces(), { openUploads: 0, records: [{ status: 'queued' }] })
  }
})

t.test('a completion whose write succeeded is not reported as rejected, even if every response was lost', async t => {
  const dynamodb = await startFaultProxy(t, aws.endpoints.dynamodb)
  const api = await buildTestApi(t, aws, { endpoints: { dynamodb: dynamodb.url } })
  for (const isSeen of [true, false]) {
    const user = await createTestUser(aws)
    const { uploadId, put } = await grant(api, user, { size: 1 })
    if (put) await send(put, Buffer.from('x'))
    const lost = dynamodb.inject(loseReply, { when: operation('UpdateItem') })
    // The api reads the reservation before the write, and reads the result after it.
    const unseen = isSeen
      ? undefined
      : dynamodb.inject(loseReply, { when: request => lost.hits > 0 && operation('GetItem')(request) })
    const answer = await complete(api, user, uploadId)
    lost.remove()
    unseen?.remove()
    if (isSeen) t.match(answer, { status: 200, body: { uploadId, status: 'queued' } })
    else {
      isProblem(t, answer, 503, 'unavailable')
      t.match(answer.body.detail, /It is unknown whether/)
    }
    t.match(await complete(api, user, uploadId), { status: isSeen ? 200 : 202 }, 'a repeated request gets the result')
    t.match((await user.traces()).records, [{ uploadId, size: 1 }])
  }
})

t.test('a grant that could not be recorded leaves no multipart upload', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  const api = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
  proxy.inject(throttled('dynamodb'), { when: operation('PutItem') })
  const user = await createTestUser(aws)
  const wanted = { filename: 'a', contentType: 'text/plain', size: 11 * MIB }
  isProblem(t, await askGrant(api, user, wanted), 503, 'unavailable')
  t.same(await user.traces(), NO_TRACES)
})

t.test('a multipart upload that was aborted has not arrived', async t => {
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const { uploadId } = await grant(api, user, { size: 11 * MIB })
  const Bucket = aws.env.UPLOAD_BUCKET
  const { Uploads = [] } = await aws.s3.send(
    new ListMultipartUploadsCommand({ Bucket, Prefix: `uploads/${user.sub}/` }),
  )
  for (const { Key, UploadId } of Uploads) {
    await aws.s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
  }
  isProblem(t, await complete(api, user, uploadId), 409, 'not-arrived')
})

t.test('while Kinesis does not respond, a completion gets 202, and the event waits in the outbox', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.kinesis)
  proxy.inject(throttled('kinesis'))
  const env = { EVENT_PUT_TIMEOUT_MS: '300' }
  const api = await buildTestApi(t, aws, { endpoints: { kinesis: proxy.url }, env })
  const user = await createTestUser(aws)
  const { uploadId, put } = await grant(api, user, { size: 1 })
  if (put) await send(put, Buffer.from('x'))
  t.match(await complete(api, user, uploadId), { status: 202, body: { status: 'stored' } })
  t.match((await user.traces()).records, [{ status: 'stored', outboxPartition: /^outbox-/ }])
})

t.test('a completion reads only the first bytes, and leaves a digest that S3 does not know to the worker', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const reads = to('GET', /x-id=GetObject/)
  for (const { checksums, size, announced, sha256 } of [
    { checksums: 'checked', size: 100_000, announced: true, sha256: 'known' },
    { checksums: 'checked', size: 100_000, announced: false, sha256: 'unknown' },
    { checksums: 'unchecked', size: 100_000, announced: true, sha256: 'unknown' },
    { checksums: 'unchecked', size: 1, announced: false, sha256: 'known' },
    { checksums: 'checked', size: 0, announced: false, sha256: 'known' },
    { checksums: 'checked', size: 11 * MIB, announced: true, sha256: 'unknown' },
  ]) {
    const api = await buildTestApi(t, aws, { endpoints: { s3: proxy.url }, env: { S3_CHECKSUMS: checksums } })
    const user = await createTestUser(aws)
    const bytes = randomBytes(size)
    const digest = sha256Of(bytes)
    const granted = await grant(api, user, { size, ...(announced && { sha256: digest }) })
    if (granted.put) await send(granted.put, bytes)
    else await sendParts(granted, bytes)
    const before = proxy.count(reads)
    const name = `${size} bytes, ${checksums}, ${announced ? 'announced' : 'not announced'}`
    const { status, body } = await complete(api, user, granted.uploadId)
    t.equal(status, 200, name)
    t.equal(body.sha256, sha256 === 'known' ? digest : undefined, name)
    t.equal(proxy.count(reads) - before, size === 0 ? 0 : 1, `${name}: a read of the first bytes, for the type`)
    const record = await ask(`${api.url}/uploads/${granted.uploadId}`, { headers: user.auth })
    t.equal(record.body.announcedSha256, announced && sha256 === 'unknown' ? digest : undefined, name)
  }
})

t.test('a file whose first bytes are all of it is rejected at once if its digest is wrong', async t => {
  const api = await buildTestApi(t, aws, { env: { S3_CHECKSUMS: 'unchecked' } })
  const user = await createTestUser(aws)
  const granted = await grant(api, user, { size: 3, sha256: sha256Of(Buffer.from('abc')) })
  await aws.s3.send(
    new PutObjectCommand({
      Bucket: granted.s3.bucket,
      Key: granted.s3.key,
      Body: 'xyz',
      ContentType: 'application/x-test',
      Metadata: { owner: user.sub, 'upload-id': granted.uploadId, filename: 'a.bin' },
    }),
  )
  isProblem(t, await complete(api, user, granted.uploadId), 422, 'arrival-refused')
})

t.test('a completion that is silent for longer than a connection may be still gets its response', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const api = await buildTestApi(t, aws, { endpoints: { s3: proxy.url } })
  api.app.server.setTimeout(300)
  const slow = proxy.inject(delay(900), { when: to('GET', /x-id=GetObject/) })
  const user = await createTestUser(aws)
  const { uploadId, put } = await grant(api, user, { size: 1 })
  if (put) await send(put, Buffer.from('x'))
  t.match(await complete(api, user, uploadId), { status: 200, body: { sha256: sha256Of(Buffer.from('x')) } })
  t.ok(slow.hits >= 1)
})
