import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { httpUpload } from '../../image/upload-event.ts'
import { encodeEvent } from '../../services/uploads/events/event.ts'
import { eventOf } from '../../services/uploads/records/record.ts'
import { ask, createTestUser } from '../api/support.ts'
import { startAws } from '../support/aws.ts'
import { startOtlpReceiver } from '../support/otlp/receiver.ts'
import { type Program, runProgram, until } from '../support/processes.ts'
import { kinesisEvent } from '../worker/kinesis-event.ts'
import { putUpload, streamRecord, uploadRecord } from '../worker/pipeline.ts'

const services = path.resolve(import.meta.dirname, '../../services')
const preload = pathToFileURL(path.join(import.meta.dirname, 'loaded-modules.ts')).href
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

const aws = await startAws(t)
const user = await createTestUser(aws)
const listening = (program: Program) => /http:\/\/127\.0\.0\.1:\d+/.exec(program.stdout())?.[0] ?? ''

async function startApi(t: Test, env: Record<string, string>): Promise<Program> {
  const api = runProgram(t, ['--import', preload, path.join(services, 'api/server.ts')], {
    env: { ...aws.env, HOST: '127.0.0.1', PORT: '0', SHUTDOWN_TIMEOUT_MS: '20000', ...env },
  })
  await until(() => listening(api) !== '', { what: `the api: ${api.stderr()}`, timeoutMs: 60_000 })
  return api
}

const upload = (api: Program, name: string) =>
  ask(`${listening(api)}/uploads?filename=${name}`, { method: 'POST', headers: user.auth, body: 'x' })

async function stop({ child, ended }: Program) {
  child.kill('SIGTERM')
  return (await ended).code
}

t.test('loads no library for exporting if nothing is exported', async t => {
  const off = await startApi(t, {})
  t.equal((await upload(off, 'off')).status, 200)
  t.equal(await stop(off), 0)
  t.match(off.stdout(), /^loaded: \.$/m)
  const worker = runProgram(t, ['--import', preload, path.join(services, 'worker/worker.ts')], { env: aws.env })
  await until(() => worker.stdout().includes('"worker started"'), { what: worker.stderr(), timeoutMs: 60_000 })
  t.equal(await stop(worker), 0)
  t.match(worker.stdout(), /^loaded: \.$/m)

  const receiver = await startOtlpReceiver(t)
  const on = await startApi(t, { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
  t.equal(await stop(on), 0)
  t.match(on.stdout(), /^loaded: .*@opentelemetry\/sdk-trace/m, 'which would be seen')
})

t.test(
  'an endpoint that never responds delays neither uploads nor the shutdown, and the dropped spans are logged',
  async t => {
    const receiver = await startOtlpReceiver(t)
    receiver.answer('never')
    const api = await startApi(t, {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      ADMIN_HOST: '127.0.0.1',
      ADMIN_PORT: '0',
    })
    t.equal((await upload(api, 'first')).status, 200)
    await until(() => receiver.requests.length > 0, { what: 'a request of spans' })
    for (const name of ['second', 'third']) t.equal((await upload(api, name)).status, 200)
    const admin = /"admin":"([^"]+)"/.exec(api.stdout())?.[1]
    t.match(await (await fetch(`${admin}/metrics`)).text(), /^headgate_spans_waiting \d+$/m)
    t.equal(await stop(api), 0, 'in its time')
    t.match(api.stdout(), /"dropped":\d+.*"msg":"spans of traces are dropped"/)
  },
)

t.test('a function exports its spans before it responds', async t => {
  const receiver = await startOtlpReceiver(t)
  const call = (file: string, event: unknown, traces: Record<string, string>) => {
    const entry = pathToFileURL(path.join(services, file)).href
    return runProgram(t, [path.join(import.meta.dirname, 'call-lambda.ts'), entry, JSON.stringify(event)], {
      env: { ...aws.env, ...traces },
    })
  }
  const api = call('api/lambda.ts', httpUpload(user.accessToken), {
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  })
  await api.ended
  t.match(api.stdout(), /^answer: \{"statusCode":200/m, api.stderr())
  const server = receiver.spans.find(({ kind }) => kind === 'server')
  t.match(server, { name: 'POST /uploads', attributes: { 'http.response.status_code': 200 } })

  const record = uploadRecord({ traceparent: `00-${TRACE}-00f067aa0ba902b7-01` })
  await putUpload(aws.s3, record, 'hello')
  const event = kinesisEvent([{ ...streamRecord(record), data: encodeEvent(eventOf(record)) }])
  const worker = call('worker/lambda.ts', event, {
    OTEL_TRACES_EXPORTER: 'xray',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces`,
  })
  await worker.ended
  t.match(worker.stdout(), /^answer: \{"batchItemFailures":\[\]\}/m, worker.stderr())
  const consumer = receiver.spans.find(({ kind }) => kind === 'consumer')
  t.match(consumer, { traceId: TRACE, parentSpanId: '00f067aa0ba902b7', service: 'headgate-worker' })
  t.match(
    receiver.requests.at(-1)?.headers.authorization,
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/us-east-1\/xray\//,
  )
})

t.test('the outbox relay continues the trace of the upload', async t => {
  const receiver = await startOtlpReceiver(t)
  const { createUploadStore } = await import('../../services/uploads/records/store.ts')
  const store = createUploadStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })
  const traceId = TRACE.replace('4bf', 'ccc')
  const uploadedAt = new Date(Date.now() - 60_000).toISOString()
  const times = { uploadedAt, updatedAt: uploadedAt }
  const record = uploadRecord({ traceparent: `00-${traceId}-00f067aa0ba902b7-01`, status: 'stored', ...times })
  await putUpload(aws.s3, record, 'hello')
  await store.create(record)
  const entry = pathToFileURL(path.join(services, 'worker/lambda-relay.ts')).href
  const relay = runProgram(t, [path.join(import.meta.dirname, 'call-lambda.ts'), entry, '{}'], {
    env: { ...aws.env, OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url },
  })
  await relay.ended
  t.match(relay.stdout(), /^answer: \{"published":[1-9]/m, relay.stderr())
  t.match(
    receiver.spans.filter(span => span.traceId === traceId),
    [{ kind: 'producer', parentSpanId: '00f067aa0ba902b7', service: 'headgate-relay' }],
  )
})
