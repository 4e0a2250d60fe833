import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { DescribeStreamSummaryCommand, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import t from 'tap'
import { account } from '../../services/local/account.ts'
import { createLocalClients } from '../../services/local/clients.ts'
import { names } from '../../services/platform/resources.ts'
import { startAws } from './aws.ts'
import { operation, startFaultProxy, to } from './fault-proxy.ts'
import { awsError, internalError, throttled } from './faults/aws-errors.ts'
import { cutReplyAfter, delay, hold, loseReply, pass, reset, silence } from './faults/faults.ts'
import { refuseRecords } from './faults/refuse-records.ts'
import { readStream } from './stream.ts'

// The SDK's retries are off, so that each fault is visible.
process.env.AWS_MAX_ATTEMPTS = '1'
const aws = await startAws(t)

/** Starts a proxy in front of each of the three servers, and clients that use the proxies. */
async function behindProxies(t: Parameters<typeof startFaultProxy>[0]) {
  const [s3, dynamodb, kinesis] = await Promise.all([
    startFaultProxy(t, aws.endpoints.s3),
    startFaultProxy(t, aws.endpoints.dynamodb),
    startFaultProxy(t, aws.endpoints.kinesis),
  ])
  const clients = createLocalClients({ s3: s3.url, dynamodb: dynamodb.url, kinesis: kinesis.url })
  t.teardown(() => clients.destroy())
  return { proxies: { s3, dynamodb, kinesis }, clients }
}

const object = { Bucket: names.uploadBucket, Key: 'proxy/a b.txt' }

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

t.test('without a fault, everything passes unchanged, including streamed and chunked bodies', async t => {
  const { proxies, clients } = await behindProxies(t)
  const bytes = randomBytes(12 * 1024 ** 2)
  await new Upload({ client: clients.s3, params: { ...object, Body: Readable.from([bytes]) } }).done()
  const { Body, Metadata } = await clients.s3.send(new GetObjectCommand(object))
  t.equal(sha256((await Body?.transformToByteArray()) ?? new Uint8Array()), sha256(bytes))
  t.same(Metadata, {})
  t.match(await clients.dynamodb.send(new ListTablesCommand({})), { TableNames: [names.uploadsTable] })
  const stream = await clients.kinesis.send(new DescribeStreamSummaryCommand({ StreamName: names.stream }))
  t.match(stream, { StreamDescriptionSummary: { StreamStatus: 'ACTIVE' } })
  t.equal(proxies.s3.count(to('PUT', /partNumber=\d/)), 3, 'the parts')
  t.same(proxies.dynamodb.counts(), { 'DynamoDB_20120810.ListTables': 1 })
  t.equal(proxies.kinesis.count(operation('DescribeStreamSummary')), 1)
})

t.test('a chunked body with a trailing checksum reaches S3 unchanged', async t => {
  const { proxies } = await behindProxies(t)
  const url = proxies.s3.url
  const s3 = new S3Client({
    ...account,
    endpoint: url,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_SUPPORTED',
  })
  t.teardown(() => s3.destroy())
  const bytes = randomBytes(3 * 1024 ** 2)
  const Body = Readable.from([bytes.subarray(0, 1_000), bytes.subarray(1_000)])
  await s3.send(new PutObjectCommand({ ...object, Body, ContentLength: bytes.byteLength, Metadata: { owner: 'me' } }))
  const stored = await aws.s3.send(new GetObjectCommand(object))
  t.equal(sha256((await stored.Body?.transformToByteArray()) ?? new Uint8Array()), sha256(bytes))
  t.same(stored.Metadata, { owner: 'me' })
})

t.test('a response is streamed: its beginning arrives before its end is sent', async t => {
  const { proxies } = await behindProxies(t)
  await aws.s3.send(new PutObjectCommand({ ...object, Body: randomBytes(4 * 1024 ** 2) }))
  const reply = await fetch(`${proxies.s3.url}/${object.Bucket}/${encodeURI(object.Key)}`)
  const reader = reply.body?.getReader()
  const first = await reader?.read()
  t.ok((first?.value?.byteLength ?? 0) < 4 * 1024 ** 2)
  await reader?.cancel()
})

t.test('the SDK recognizes an injected error as the error of its service', async t => {
  const { proxies, clients } = await behindProxies(t)
  const put = () => clients.s3.send(new PutObjectCommand({ ...object, Body: 'x' }))
  const list = () => clients.dynamodb.send(new ListTablesCommand({}))
  const describe = () => clients.kinesis.send(new DescribeStreamSummaryCommand({ StreamName: names.stream }))

  proxies.s3.inject(throttled('s3'), { times: 1 })
  await t.rejects(put(), { name: 'SlowDown', $metadata: { httpStatusCode: 503 } })
  proxies.s3.inject(awsError('s3', { status: 404, code: 'NoSuchBucket' }), { times: 1 })
  await t.rejects(put(), { name: 'NoSuchBucket', message: 'Injected by the test.' })
  const calls: Array<['dynamodb' | 'kinesis', () => Promise<unknown>]> = [
    ['dynamodb', list],
    ['kinesis', describe],
  ]
  for (const [name, call] of calls) {
    proxies[name].inject(throttled(name), { times: 1 })
    await t.rejects(call(), { name: 'ProvisionedThroughputExceededException', $metadata: { httpStatusCode: 400 } })
    proxies[name].inject(internalError(name), { times: 1 })
    await t.rejects(call(), { name: /^Internal/, $metadata: { httpStatusCode: 500 } })
    await t.resolves(call(), 'and then nothing more')
  }
})

t.test("records the server's error responses, but not responses of faults or successful ones", async t => {
  const { proxies, clients } = await behindProxies(t)
  await clients.s3.send(new PutObjectCommand({ ...object, Body: 'x' }))
  await t.rejects(clients.s3.send(new GetObjectCommand({ ...object, Key: 'no-such-key' })), { name: 'NoSuchKey' })
  await t.rejects(clients.kinesis.send(new DescribeStreamSummaryCommand({ StreamName: 'no-such-stream' })))
  proxies.dynamodb.inject(throttled('dynamodb'), { times: 1 })
  await t.rejects(clients.dynamodb.send(new ListTablesCommand({})))
  t.match(proxies.s3.refusals, [{ method: 'GET', path: /no-such-key/, status: 404, body: /<Code>NoSuchKey<\/Code>/ }])
  t.match(proxies.kinesis.refusals, [{ target: /DescribeStreamSummary$/, status: 400, body: /ResourceNotFound/ }])
  t.strictSame(proxies.dynamodb.refusals, [])
})

t.test('a fault applies to its requests, for its number of times, until it is removed', async t => {
  const { proxies, clients } = await behindProxies(t)
  const { dynamodb } = proxies
  const list = () => clients.dynamodb.send(new ListTablesCommand({}))
  const other = dynamodb.inject(throttled('dynamodb'), { when: operation('PutItem') })
  const twice = dynamodb.inject(throttled('dynamodb'), { when: operation('ListTables'), times: 2 })
  const open = dynamodb.inject(reset)
  await t.rejects(list(), { name: 'ProvisionedThroughputExceededException' })
  t.equal(twice.hits, 1)
  await t.rejects(list(), { name: 'ProvisionedThroughputExceededException' })
  for (let n = 0; n < 3; n++) await t.rejects(list(), { code: 'ECONNRESET' }, 'the next fault')
  await open.reached(3)
  open.remove()
  await t.resolves(list())
  t.match([other.hits, twice.hits, open.hits], [0, 2, 3])
  t.equal(dynamodb.count(), 6)
})

t.test('a reset connection never reaches the server; with a lost reply the server has done its work', async t => {
  const { proxies, clients } = await behindProxies(t)
  const put = (Key: string) => clients.s3.send(new PutObjectCommand({ ...object, Key, Body: 'x' }))
  proxies.s3.inject(reset, { times: 1 })
  await t.rejects(put('reset'), { code: 'ECONNRESET' })
  proxies.s3.inject(loseReply, { times: 1 })
  await t.rejects(put('lost'), { code: 'ECONNRESET' })
  await t.rejects(aws.s3.send(new GetObjectCommand({ ...object, Key: 'reset' })), { name: 'NoSuchKey' })
  await t.resolves(aws.s3.send(new GetObjectCommand({ ...object, Key: 'lost' })))
})

t.test('a response can end in the middle', async t => {
  const { proxies, clients } = await behindProxies(t)
  await aws.s3.send(new PutObjectCommand({ ...object, Body: randomBytes(100_000) }))
  proxies.s3.inject(cutReplyAfter(10_000), { times: 1 })
  const { Body, ContentLength } = await clients.s3.send(new GetObjectCommand(object))
  t.equal(ContentLength, 100_000)
  let read = 0
  const reading = async () => {
    for await (const chunk of Body as Readable) read += chunk.length
  }
  await t.rejects(reading(), { code: 'ECONNRESET' })
  t.equal(read, 10_000)
})

t.test('a request can be delayed, held until the test releases it, or never answered', async t => {
  const { proxies, clients } = await behindProxies(t)
  const list = (abortSignal?: AbortSignal) =>
    clients.dynamodb.send(new ListTablesCommand({}), abortSignal ? { abortSignal } : {})
  proxies.dynamodb.inject(delay(150), { times: 1 })
  const started = performance.now()
  await list()
  t.ok(performance.now() - started >= 149)

  const gate = Promise.withResolvers<void>()
  const held = proxies.dynamodb.inject(hold(gate.promise, pass), { times: 1 })
  let settled = false
  const listing = list().then(() => {
    settled = true
  })
  await held.reached()
  await list()
  t.notOk(settled, 'others go past it')
  gate.resolve()
  await listing

  const silent = proxies.dynamodb.inject(silence)
  const leaving = new AbortController()
  const refused = t.rejects(list(leaving.signal), { name: 'AbortError' })
  await silent.reached()
  leaving.abort()
  await refused
})

t.test('PutRecords can fail for some records, and only the others are on the stream', async t => {
  const { proxies, clients } = await behindProxies(t)
  const put = (...keys: string[]) => {
    const Records = keys.map(key => ({ Data: Buffer.from(key), PartitionKey: key }))
    return clients.kinesis.send(new PutRecordsCommand({ StreamName: names.stream, Records }))
  }
  proxies.kinesis.inject(
    refuseRecords(({ PartitionKey }) => PartitionKey.startsWith('no')),
    { times: 2 },
  )
  const mixed = await put('no-1', 'yes-1', 'no-2', 'yes-2')
  t.match(mixed, {
    FailedRecordCount: 2,
    Records: [
      { ErrorCode: 'ProvisionedThroughputExceededException' },
      { SequenceNumber: /^\d+$/, ShardId: /^shardId-/ },
      { ErrorCode: 'ProvisionedThroughputExceededException' },
      { SequenceNumber: /^\d+$/ },
    ],
  })
  t.match(await put('no-3'), { FailedRecordCount: 1, Records: [{ ErrorCode: /Exceeded/ }] })
  t.match(await put('no-4'), { FailedRecordCount: 0 })
  const onStream = (await readStream(aws.kinesis, names.stream)).map(({ PartitionKey }) => PartitionKey)
  t.strictSame(onStream.sort(), ['no-4', 'yes-1', 'yes-2'])
})

t.test('a server that is down looks the same as without the proxy, and a broken fault fails the test', async t => {
  const ends: Array<() => unknown> = []
  const own = { teardown: (end: () => unknown) => void ends.push(end) }
  const dead = await startFaultProxy(own, 'http://127.0.0.1:1')
  await t.rejects(fetch(dead.url), { cause: { code: /ECONNRESET|UND_ERR_SOCKET/ } })
  await t.resolves(Promise.resolve(ends.pop()?.()))

  const broken = await startFaultProxy(own, aws.endpoints.s3)
  broken.inject(() => undefined, { times: 1 })
  await t.rejects(fetch(broken.url))
  const silent = broken.inject(silence)
  const unanswered = t.rejects(fetch(broken.url), 'the end of the proxy ends what is open')
  await silent.reached()
  await t.rejects(Promise.resolve(ends.pop()?.()), { errors: [{ message: /did not respond to a request/ }] })
  await t.rejects(fetch(broken.url), { cause: { code: 'ECONNREFUSED' } }, 'it has ended')
  await unanswered
})

t.test('a large body is streamed and not buffered', async t => {
  const { proxies } = await behindProxies(t)
  let begun = false
  proxies.s3.inject(
    async exchange => {
      const [first] = await Promise.all([new Promise(resolve => exchange.request.once('data', resolve))])
      begun = first instanceof Buffer
      exchange.answer(413, {}, 'enough')
    },
    { times: 1 },
  )
  const body = Readable.toWeb(Readable.from([Buffer.alloc(65_536), Buffer.alloc(65_536)]))
  const reply = await fetch(proxies.s3.url, { method: 'PUT', body, duplex: 'half' })
  t.equal(reply.status, 413)
  t.equal((await buffer(Readable.from([await reply.bytes()]))).toString(), 'enough')
  t.ok(begun)
})
