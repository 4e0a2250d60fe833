import path from 'node:path'
import t, { type Test } from 'tap'
import { ask, createTestUser } from '../api/support.ts'
import { startAws } from '../support/aws.ts'
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp/receiver.ts'
import { type Program, runProgram, until } from '../support/processes.ts'

const services = path.resolve(import.meta.dirname, '../../services')
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CALLER = '00f067aa0ba902b7'

const aws = await startAws(t)
const receiver = await startOtlpReceiver(t)
const env = {
  OTEL_TRACES_EXPORTER: 'otlp',
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  OTEL_EXPORTER_OTLP_HEADERS: 'api-key=only%20for%20the%20receiver',
}

function start(t: Pick<Test, 'teardown'>, entry: string, more: Record<string, string> = {}): Program {
  return runProgram(t, [path.join(services, entry)], { env: { ...aws.env, ...env, ...more } })
}

const listening = (program: Program) => /http:\/\/127\.0\.0\.1:\d+/.exec(program.stdout())?.[0] ?? ''

async function startApi(t: Pick<Test, 'teardown'>, more: Record<string, string> = {}): Promise<Program> {
  const api = start(t, 'api/server.ts', { HOST: '127.0.0.1', PORT: '0', ...more })
  await until(() => listening(api) !== '', { what: `the api (${api.stderr()})`, timeoutMs: 60_000 })
  return api
}

const api = await startApi(t)
const worker = start(t, 'worker/worker.ts')
const user = await createTestUser(aws)
const SECRET_CONTENT = 'what is in the file is nobody’s to read'

function send(headers: Record<string, string> = {}, name = 'a-private-name.txt') {
  return ask(`${listening(api)}/uploads?filename=${name}`, {
    method: 'POST',
    headers: { ...user.auth, 'content-type': 'text/plain', ...headers },
    body: SECRET_CONTENT,
  })
}

/** Resolves to the spans of an upload's trace once the worker has processed it. */
async function traceOf(receiver: OtlpReceiver, uploadId: unknown) {
  const found = () => receiver.spans.find(({ kind, attributes }) => kind === 'consumer' && isOf(attributes, uploadId))
  await until(() => found() !== undefined, { what: `the trace (${worker.stderr()})`, timeoutMs: 120_000 })
  const traceId = found()?.traceId
  const ofTrace = () => receiver.spans.filter(span => span.traceId === traceId)
  await until(() => ofTrace().some(({ kind }) => kind === 'server'), { what: 'the span of the api' })
  return ofTrace()
}

const isOf = (attributes: Record<string, unknown>, uploadId: unknown) => attributes['headgate.upload.id'] === uploadId

t.test('an upload is one trace over api and worker, and each span has the right parent', async t => {
  const { status, body } = await send()
  t.equal(status, 200)
  const spans = await traceOf(receiver, body.uploadId)
  const parentOf = (name: string, kind?: string) => {
    const found = spans.filter(span => span.name === name && (kind === undefined || span.kind === kind))
    t.equal(found.length, 1, `${name}: one`)
    return spans.find(({ spanId }) => spanId === found[0]?.parentSpanId)?.name
  }
  const request = 'POST /uploads'
  t.equal(spans.find(({ name }) => name === request)?.parentSpanId, '', 'the request begins it')
  t.equal(parentOf('send uploads-stream', 'producer'), request)
  t.equal(parentOf('process uploads-stream', 'consumer'), request)
  t.equal(parentOf('fetch'), 'process uploads-stream')
  t.equal(parentOf('S3.GetObject', 'client'), 'fetch')
  t.equal(parentOf('transform'), 'process uploads-stream')
  t.equal(parentOf('write'), 'transform')
  t.equal(parentOf('DynamoDB.PutItem', 'client'), request)
  t.equal(parentOf('DynamoDB.UpdateItem', 'client'), 'process uploads-stream')
  const puts = spans.filter(({ name }) => name === 'S3.PutObject')
  t.strictSame(
    puts
      .map(({ service, parentSpanId }) => [service, spans.find(({ spanId }) => spanId === parentSpanId)?.name])
      .sort(),
    [
      ['headgate-api', request],
      ['headgate-worker', 'write'],
    ],
  )
  t.match(
    spans.find(({ name }) => name === request),
    {
      kind: 'server',
      service: 'headgate-api',
      isError: false,
      attributes: { 'http.route': '/uploads', 'http.response.status_code': 200 },
    },
  )
  t.match(spans.find(({ kind }) => kind === 'consumer')?.attributes, {
    'messaging.destination.name': 'uploads-stream',
    'messaging.destination.partition.id': /^shardId-/,
    'messaging.message.id': /^\d+$/,
  })
  for (const { name, startNs, endNs } of spans) t.ok(endNs >= startNs && startNs > 0n, `${name} has its time`)
})

t.test('the log has the same trace id as the exported trace', async t => {
  const { body } = await send({ 'x-request-id': 'found-again' })
  const [span] = await traceOf(receiver, body.uploadId)
  const lines = `${api.stdout()}\n${worker.stdout()}`.split('\n').filter(line => line.includes('"found-again"'))
  t.ok(lines.length >= 2, 'of the api and of the worker')
  for (const line of lines) t.equal((JSON.parse(line) as { traceId: string }).traceId, span?.traceId)
})

t.test('continues the trace of the caller', async t => {
  const { body } = await send({ traceparent: `00-${TRACE}-${CALLER}-01` })
  const spans = await traceOf(receiver, body.uploadId)
  t.equal(spans.find(({ kind }) => kind === 'server')?.parentSpanId, CALLER)
  t.equal(spans[0]?.traceId, TRACE)
})

t.test('neither api nor worker exports a trace that the caller does not sample', async t => {
  const traceId = TRACE.replace('4bf', 'aaa')
  const { body } = await send({ traceparent: `00-${traceId}-${CALLER}-00` })
  await until(() => worker.stdout().includes(String(body.uploadId)), { what: 'the worker', timeoutMs: 60_000 })
  // Spans that end later are exported later.
  const after = await send()
  await traceOf(receiver, after.body.uploadId)
  t.notOk(receiver.spans.some(span => span.traceId === traceId))
})

t.test('exports no ids, tokens or filenames of requests', async t => {
  const post = (body: object) => ({
    method: 'POST',
    headers: { ...user.auth, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const url = listening(api)
  const grant = await ask(
    `${url}/uploads/grants`,
    post({ filename: 'granted.txt', contentType: 'text/plain', size: 4 }),
  )
  t.equal(grant.status, 201)
  const { uploadId, put } = grant.body as { uploadId: string; put: { url: string; headers: Record<string, string> } }
  const { url: putUrl, headers } = put
  t.equal((await fetch(putUrl, { method: 'PUT', headers, body: 'abcd' })).status, 200)
  await ask(`${url}/uploads/${uploadId}/complete`, { method: 'POST', headers: user.auth })
  const completed = await traceOf(receiver, uploadId)
  t.equal(
    completed.find(({ kind }) => kind === 'server')?.name,
    'POST /uploads/:id/complete',
    'which the worker goes on with',
  )
  const { body } = await send()
  await ask(`${url}/uploads/${body.uploadId}?token=secret-query`, { headers: user.auth })
  await ask(`${url}/nowhere/secret-path`, { headers: user.auth })
  const download = await fetch(`${url}/uploads/${body.uploadId}/content`, { headers: user.auth, redirect: 'manual' })
  const presigned = new URL(download.headers.get('location') ?? '').searchParams.get('X-Amz-Signature') ?? ''
  t.match(presigned, /^[0-9a-f]{64}$/)
  await traceOf(receiver, body.uploadId)
  const names = () => receiver.spans.map(({ name }) => name)
  await until(() => ['GET /uploads/:id/content', 'GET'].every(name => names().includes(name)), {
    what: 'the last spans',
  })
  t.ok(names().includes('GET /uploads/:id'))
  t.ok(names().includes('POST /uploads/:id/complete'))

  const all = Buffer.concat(receiver.bodies).toString('latin1')
  const [, , signature = 'none'] = user.accessToken.split('.')
  const secrets = {
    token: user.accessToken,
    'the head of a token': 'eyJ',
    'the signature of a token': signature,
    'presigned URL': 'X-Amz-',
    'its signature': presigned,
    'signature of the grant': new URL(putUrl).searchParams.get('X-Amz-Signature') ?? 'none',
    content: SECRET_CONTENT.slice(0, 20),
    'file name': 'a-private-name',
    'file name of the grant': 'granted.txt',
    owner: user.sub,
    query: 'secret-query',
    path: 'secret-path',
    'header of the export': 'only for the receiver',
    'secret key of AWS': aws.env.AWS_SECRET_ACCESS_KEY ?? 'none',
  }
  for (const [what, secret] of Object.entries(secrets)) t.notOk(all.includes(secret), `no ${what}`)
  t.ok(all.includes('POST /uploads'), 'what is looked through are the spans')
})

t.test('every export request has the configured headers, and a body in the declared encoding', async t => {
  for (const { url, headers } of receiver.requests) {
    t.equal(url, '/v1/traces')
    t.match(headers, { 'api-key': 'only for the receiver', 'content-type': 'application/x-protobuf' })
  }
  t.ok(receiver.requests.length > 0)
  t.notMatch(`${api.stdout()}${worker.stdout()}`, /only for the receiver/)
})

t.test('a shutdown exports the waiting spans', async t => {
  const own = await startApi(t)
  const answer = await ask(`${listening(own)}/uploads?filename=last.txt`, {
    method: 'POST',
    headers: { ...user.auth, traceparent: `00-${TRACE.replace('4bf', 'bbb')}-${CALLER}-01` },
    body: 'last',
  })
  t.equal(answer.status, 200)
  own.child.kill('SIGTERM')
  t.match(await own.ended, { code: 0 })
  t.ok(
    receiver.spans.some(({ traceId, kind }) => traceId === TRACE.replace('4bf', 'bbb') && kind === 'server'),
    'also what ended a moment before',
  )
})
