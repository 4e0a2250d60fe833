import path from 'node:path'
import { PutRecordCommand } from '@aws-sdk/client-kinesis'
import t, { type Test } from 'tap'
import { account } from '../../services/local/account.ts'
import { createAwsClients } from '../../services/platform/aws.ts'
import { names } from '../../services/platform/resources.ts'
import { encodeEvent } from '../../services/uploads/events/event.ts'
import { eventOf, type UploadRecord } from '../../services/uploads/records/record.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { createLambdaHandler } from '../../services/worker/lambda/handler.ts'
import { eventually } from '../api/support.ts'
import { startAws, type TestAws } from '../support/aws.ts'
import { type FaultProxy, startFaultProxy, to } from '../support/fault-proxy.ts'
import { silence } from '../support/faults/faults.ts'
import { type Program, runProgram, until } from '../support/processes.ts'
import { kinesisEvent } from './kinesis-event.ts'
import { putUpload, startPipeline, streamRecord, uploadRecord } from './pipeline.ts'

const SERVICES = ['s3', 'dynamodb', 'kinesis'] as const
type Service = (typeof SERVICES)[number]

const worker = path.resolve(import.meta.dirname, '../../services/worker/worker.ts')
/** A client waits 10 s for the head of a response and then retries. Without that timeout these tests would not end. */
const RECOVERS_MS = 60_000
const SHUTDOWN_MS = 6_000

/** Starts a worker process that reaches one service through a proxy. */
async function startWorker(t: Test, aws: TestAws, proxy: FaultProxy, service: Service): Promise<Program> {
  const program = runProgram(t, [worker], {
    env: {
      ...aws.env,
      [`AWS_ENDPOINT_URL_${service.toUpperCase()}`]: proxy.url,
      ...{ HEALTH_PORT: '0', HEALTH_HOST: '127.0.0.1', FAILOVER_TIME_MS: '2000' },
      SHUTDOWN_TIMEOUT_MS: String(SHUTDOWN_MS),
    },
  })
  await until(() => program.stdout().includes('"lease acquired"'), { what: 'a lease', timeoutMs: 30_000 })
  return program
}

/** Stores an upload and puts its event on the stream, without the proxy. */
async function send(aws: TestAws): Promise<UploadRecord> {
  const upload = uploadRecord()
  await putUpload(aws.s3, upload, 'hello')
  await createUploadStore({ dynamodb: aws.dynamodb, table: names.uploadsTable }).create(upload)
  const event = { StreamName: names.stream, PartitionKey: upload.uploadId, Data: encodeEvent(eventOf(upload)) }
  await aws.kinesis.send(new PutRecordCommand(event))
  return upload
}

async function isProcessed(aws: TestAws, upload: UploadRecord, timeoutMs = RECOVERS_MS): Promise<void> {
  const store = createUploadStore({ dynamodb: aws.dynamodb, table: names.uploadsTable })
  await eventually(async () => (await store.get(upload))?.status === 'processed', timeoutMs).catch((cause: unknown) => {
    throw new Error(`The upload ${upload.uploadId} was not processed within ${timeoutMs} ms.`, { cause })
  })
}

// By itself, because it must end before a request times out.
await t.test('a request of one upload without a response of S3 does not delay uploads of other keys', async t => {
  const aws = await startAws(t, { shards: 1 })
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  await startWorker(t, aws, proxy, 's3')
  const stuck = uploadRecord()
  const silent = proxy.inject(silence, { when: to('GET', new RegExp(stuck.uploadId)) })
  await putUpload(aws.s3, stuck, 'hello')
  await createUploadStore({ dynamodb: aws.dynamodb, table: names.uploadsTable }).create(stuck)
  const event = { StreamName: names.stream, PartitionKey: 'stuck', Data: encodeEvent(eventOf(stuck)) }
  await aws.kinesis.send(new PutRecordCommand(event))
  await silent.reached()
  const others = await Promise.all(Array.from({ length: 20 }, () => send(aws)))
  for (const other of others) await isProcessed(aws, other, 8_000)
  t.equal(silent.hits, 1, 'before the request timed out')
  silent.remove()
  await isProcessed(aws, stuck)
})

// The others mostly wait for timeouts, each with an AWS of its own.
t.jobs = 4

for (const service of SERVICES) {
  t.test(`a worker stays alive while ${service} does not respond, and processes uploads once it responds`, async t => {
    const aws = await startAws(t, { shards: 1 })
    const proxy = await startFaultProxy(t, aws.endpoints[service])
    const program = await startWorker(t, aws, proxy, service)
    await isProcessed(aws, await send(aws))

    const silent = proxy.inject(silence)
    const upload = await send(aws)
    await silent.reached()
    const health = /"health":"(http:[^"]+)"/.exec(program.stdout())?.[1]
    t.equal((await fetch(`${health}/livez`)).status, 200, 'it is alive')
    silent.remove()
    const answeredAt = performance.now()
    // The held requests never get a response, so the worker itself must time them out.
    await isProcessed(aws, upload)
    t.comment(`processed ${Math.round(performance.now() - answeredAt)} ms after ${service} responded again`)
    await isProcessed(aws, await send(aws), 15_000)
    program.child.kill('SIGTERM')
    t.strictSame(await program.ended, { code: 0, signal: null })
  })

  t.test(`a worker stops in time while ${service} does not respond`, async t => {
    const aws = await startAws(t, { shards: 1 })
    const proxy = await startFaultProxy(t, aws.endpoints[service])
    const program = await startWorker(t, aws, proxy, service)
    const silent = proxy.inject(silence)
    await send(aws)
    await silent.reached()
    const askedAt = performance.now()
    program.child.kill('SIGTERM')
    const ended = await program.ended
    const ms = Math.round(performance.now() - askedAt)
    t.comment(`ended with ${JSON.stringify(ended)} after ${ms} ms`)
    t.equal(ended.signal, null, 'by itself')
    t.ok(ms < SHUTDOWN_MS + 3_000, `after ${ms} ms of ${SHUTDOWN_MS}`)
  })
}

t.test('a worker that starts while no service responds logs what it waited for, and exits to be restarted', async t => {
  const aws = await startAws(t, { shards: 1 })
  const proxies = await Promise.all(SERVICES.map(service => startFaultProxy(t, aws.endpoints[service])))
  const silent = proxies.map(proxy => proxy.inject(silence))
  const at = SERVICES.map((service, n) => [`AWS_ENDPOINT_URL_${service.toUpperCase()}`, proxies[n]?.url ?? ''])
  const env = { ...aws.env, ...Object.fromEntries(at) }
  const program = runProgram(t, [worker], { env })
  t.strictSame(await program.ended, { code: 1, signal: null })
  for (const variable of ['STREAM_NAME', 'UPLOAD_BUCKET', 'UPLOADS_TABLE'])
    t.match(
      program.stdout(),
      new RegExp(`"variable":"${variable}","timeoutMs":5000,"msg":"AWS did not respond in time`),
    )
  t.match(
    program.stderr(),
    /did not answer DescribeTable of the lease table 'headgate-worker' within 10000 ms/,
    'the error names the call',
  )

  for (const one of silent) one.remove()
  const upload = await send(aws)
  runProgram(t, [worker], { env })
  await isProcessed(aws, upload)
})

t.test('the Lambda function returns unprocessed records in time while a service does not respond', async t => {
  const pipeline = await startPipeline(t)
  for (const service of ['s3', 'dynamodb'] as const) {
    const proxy = await startFaultProxy(t, pipeline.aws.endpoints[service])
    const clients = createAwsClients({ ...account, endpoints: { ...pipeline.aws.endpoints, [service]: proxy.url } })
    t.teardown(() => clients.destroy())
    const store = createUploadStore({ dynamodb: clients.dynamodb, table: names.uploadsTable })
    const handler = createLambdaHandler({ processor: pipeline.processor({ s3: clients.s3, store }), log: pipeline.log })
    const uploads = await Promise.all([pipeline.upload('a'), pipeline.upload('b')])
    const records = uploads.map(upload => streamRecord(upload))
    const silent = proxy.inject(silence)
    const endsAt = performance.now() + 8_000
    const context = { getRemainingTimeInMillis: () => endsAt - performance.now() }
    const { batchItemFailures } = await handler(kinesisEvent(records), context)
    t.ok(endsAt > performance.now(), `${service}: ${Math.round(endsAt - performance.now())} ms are left`)
    t.strictSame(batchItemFailures, [{ itemIdentifier: records[0]?.sequenceNumber }], service)
    silent.remove()
    const later = { getRemainingTimeInMillis: () => 30_000 }
    t.strictSame(await handler(kinesisEvent(records), later), { batchItemFailures: [] }, `${service} responds again`)
  }
})
