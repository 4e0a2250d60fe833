import { once } from 'node:events'
import { connect } from 'node:net'
import type { Context } from 'aws-lambda'
import t, { type Test } from 'tap'
import { createLambdaHandler } from '../../services/api/lambda-handler.ts'
import { startAws } from '../support/aws.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { hold, silence } from '../support/faults/faults.ts'
import { bytesOf, exchange, type RawAnswer, type RawRequest } from './attacks/raw.ts'
import { httpApiEvent, restApiEvent } from './gateway-events.ts'
import { buildTestApi, createTestUser, type TestApi } from './support.ts'

const aws = await startAws(t)
const { auth } = await createTestUser(aws)
const json = { 'content-type': 'application/json' }
const authorization = ['Authorization', auth.authorization] as const

/** Maximum time until the line of a request is written, in milliseconds. */
const LATEST_MS = 5_000

// Each test mostly waits for log lines, with an api of its own.
t.jobs = 4

interface Line {
  msg: string
  status?: number
  requestId: string
  path?: string
}

/**
 * Runs `work`, and resolves to the request lines that the api logs meanwhile: when there are `count` lines, or after the maximum
 * time.
 */
async function linesDuring(api: TestApi, count: number, work: () => Promise<unknown>): Promise<Line[]> {
  const logged = api.log.length
  const lines = () =>
    api.log
      .slice(logged)
      .map(line => JSON.parse(line) as Line)
      .filter(({ msg }) => msg === 'request' || msg === 'request broken off')
  await work()
  const deadline = Date.now() + LATEST_MS
  while (lines().length < count && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20))
  // A second line of a request would be written at once or when its connection closes.
  await new Promise(resolve => setTimeout(resolve, 100))
  return lines()
}

/** Sends bytes, and asserts that one line is logged with the status and the request id of the response. */
async function hasOneLine(
  t: Test,
  api: TestApi,
  name: string,
  bytes: Uint8Array,
  status: number,
): Promise<Line | undefined> {
  let answers: RawAnswer[] = []
  const lines = await linesDuring(api, 1, async () => {
    answers = await exchange(api.url, bytes)
  })
  t.match(answers, [{ status }], `${name}: the answer`)
  t.equal(lines.length, 1, `${name}: lines, ${JSON.stringify(lines)}`)
  t.equal(lines[0]?.requestId, answers[0]?.headers['x-request-id'], `${name}: the id`)
  return lines[0]
}

t.test('a request has one line in the log with the id and the status of its response', async t => {
  const api = await buildTestApi(t, aws)
  const requests: Record<string, [RawRequest | string, number]> = {
    'a list': [{ path: '/uploads', headers: [authorization] }, 200],
    'a HEAD': [{ method: 'HEAD', path: '/uploads', headers: [authorization] }, 200],
    'an upload': [
      { method: 'POST', path: '/uploads', headers: [authorization, ['Content-Type', 'application/json']], body: '{}' },
      200,
    ],
    'no token': [{ path: '/uploads' }, 401],
    'a path that there is not': [{ path: '/nothing' }, 404],
    'a method that there is not': [{ method: 'PUT', path: '/uploads' }, 405],
    'a URL that the router cannot decode': [{ path: '/uploads/%FF/content', headers: [authorization] }, 400],
    'two Hosts': [
      {
        path: '/uploads',
        headers: [
          ['Host', 'a'],
          ['Host', 'b'],
        ],
      },
      400,
    ],
    'an invalid JSON body': [
      { method: 'POST', path: '/uploads', headers: [authorization, ['Content-Type', 'application/json']], body: '{' },
      400,
    ],
    'a body that is too large': [
      {
        ...{ method: 'POST', path: '/uploads', body: '{}' },
        headers: [authorization, ['Content-Type', 'application/json'], ['Content-Length', '9000000']],
      },
      413,
    ],
    'no HTTP': ['EHLO mail.example\r\n\r\n', 400],
    'an invalid header': ['GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n', 400],
    'headers that are too large': [{ path: '/livez', headers: [['X-Large', 'x'.repeat(200_000)]] }, 431],
    'an OPTIONS of tus': [{ method: 'OPTIONS', path: '/uploads/tus' }, 204],
  }
  for (const [name, [request, status]] of Object.entries(requests)) {
    const bytes = typeof request === 'string' ? Buffer.from(request) : bytesOf(request)
    const line = await hasOneLine(t, api, name, bytes, status)
    t.match(line, { msg: 'request', status }, name)
  }
})

t.test('each request of a connection has one line in the log', async t => {
  const api = await buildTestApi(t, aws)
  const keep = { path: '/nothing', headers: [['Connection', 'keep-alive']] as const }
  const three = Buffer.concat([bytesOf(keep), bytesOf(keep), bytesOf({ path: '/nothing' })])
  const lines = await linesDuring(api, 3, () => exchange(api.url, three))
  t.match(lines, [{ status: 404 }, { status: 404 }, { status: 404 }])
  t.equal(new Set(lines.map(({ requestId }) => requestId)).size, 3)
})

t.test('a request that is too slow has one line with the id of its response', async t => {
  const api = await buildTestApi(t, aws, { env: { HEADERS_TIMEOUT_MS: '1000', REQUEST_TIMEOUT_MS: '1000' } })
  const late = await hasOneLine(t, api, 'half a head', Buffer.from('GET /livez HTTP/1.1\r\nHost: a\r\n'), 408)
  t.match(late, { msg: 'request', status: 408 })
  const headers = [authorization, ['Content-Type', 'application/x-test'], ['Content-Length', '100']] as const
  const half = bytesOf({ method: 'POST', path: '/uploads?filename=a.bin', headers, body: 'half' })
  t.match(await hasOneLine(t, api, 'half a body', half, 408), { path: '/uploads' })
})

t.test('a connection without a request has no line', async t => {
  const api = await buildTestApi(t, aws, { env: { HEADERS_TIMEOUT_MS: '1000' } })
  const lines = await linesDuring(api, 0, async () => {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
    socket.resume()
    await once(socket, 'close')
  })
  t.strictSame(lines, [])
})

t.test('a request whose client disconnects has one line, which names the disconnect', async t => {
  const s3 = await startFaultProxy(t, aws.endpoints.s3)
  const api = await buildTestApi(t, aws, { endpoints: { s3: s3.url } })
  const made = await fetch(`${api.url}/uploads`, {
    method: 'POST',
    headers: { ...auth, ...json },
    body: '{"content":"x"}',
  })
  const { uploadId } = (await made.json()) as { uploadId: string }
  const released = Promise.withResolvers<void>()
  t.teardown(() => released.resolve())
  const hung = s3.inject(hold(released.promise))
  /** Sends bytes, and disconnects when the api works on them. */
  const leave = (bytes: Uint8Array, isAtWork: () => Promise<unknown>) => async () => {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    socket.write(bytes)
    await isAtWork()
    // A reset, because a client that only closes its side may still read the response.
    socket.resetAndDestroy()
  }
  const type = ['Content-Type', 'application/x-test'] as const
  const arrived = () => once(api.app.server, 'request')
  const cases: Record<string, [RawRequest, () => Promise<unknown>]> = {
    'during its body': [
      {
        method: 'POST',
        path: '/uploads?filename=a.bin',
        headers: [authorization, type, ['Content-Length', '1000']],
        body: 'x',
      },
      arrived,
    ],
    'while S3 is asked': [
      { method: 'POST', path: '/uploads?filename=a.bin', headers: [authorization, type], body: 'x' },
      () => hung.reached(hung.hits + 1),
    ],
    'while it waits for a change': [{ path: `/uploads/${uploadId}?wait=20`, headers: [authorization] }, arrived],
    'during its events': [{ path: `/uploads/${uploadId}/events`, headers: [authorization] }, arrived],
  }
  for (const [name, [request, isAtWork]] of Object.entries(cases)) {
    const lines = await linesDuring(api, 1, leave(bytesOf(request), isAtWork))
    t.match(lines, [{ msg: 'request broken off' }], `${name}: ${JSON.stringify(lines)}`)
    t.equal(lines.length, 1, name)
  }
  released.resolve()
})

for (const [version, eventOf] of Object.entries({ '2.0': httpApiEvent, '1.0': restApiEvent })) {
  t.test(`behind Lambda with payload ${version} a request has one line, whatever its result`, async t => {
    const s3 = await startFaultProxy(t, aws.endpoints.s3)
    const api = await buildTestApi(t, aws, { ownClients: true, isBuffered: true, endpoints: { s3: s3.url } })
    const handler = createLambdaHandler(api.app)
    const invoke = async (method: string, path: string, body?: string, remainingMs = 30_000) => {
      const event = eventOf({
        method,
        path,
        headers: auth,
        ...(body !== undefined && { headers: { ...auth, ...json }, body }),
      })
      const context = { getRemainingTimeInMillis: () => remainingMs } as Context
      const logged = await linesDuring(api, 1, () => handler(event, context))
      t.equal(logged.length, 1, `${method} ${path}: ${JSON.stringify(logged)}`)
      return logged[0]
    }
    t.match(await invoke('POST', '/uploads', '{"content":"x"}'), { msg: 'request', status: 200 })
    t.match(await invoke('POST', '/uploads', '{'), { msg: 'request', status: 400 })
    t.match(await invoke('GET', '/nothing'), { msg: 'request', status: 404 })
    t.match(await invoke('GET', '/uploads/100%/content'), { msg: 'request', status: 400 })
    t.match(await invoke('PUT', '/uploads'), { msg: 'request', status: 405 })
    t.match(await invoke('HEAD', '/uploads'), { msg: 'request', status: 200 })
    s3.inject(silence)
    t.match(await invoke('POST', '/uploads', '{"content":"x"}', 5_000), { msg: 'request', status: 503 })
  })
}
