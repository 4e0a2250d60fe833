import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { createBodyRateGuard } from '../../../services/api/http/min-body-rate.ts'
import { startAws } from '../../support/aws.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { ask, buildTestApi, createTestUser, NO_TRACES, type TestApi } from '../support.ts'
import { sha256Of, tusClient } from '../tus/client.ts'

t.test('a client has the grace period, and more time for each byte that it sends', async t => {
  const clock = new FakeClock()
  const after = <T>(ms: number, value: T) => {
    clock.advance(ms)
    return Promise.resolve(value)
  }
  const never = new Promise<never>(() => undefined)
  const rateGuard = createBodyRateGuard({ minBytesPerSecond: 100, graceMs: 1_000 }, clock.now)
  t.equal(await rateGuard.wait(after(900, 'x')), 'x')
  rateGuard.received(50)
  t.equal(await rateGuard.wait(after(500, 'y')), 'y')
  t.equal(await rateGuard.wait(after(101, 'z')), 'z', 'what has come has come')
  await t.rejects(rateGuard.wait(never), { code: 'HEADGATE_PROBLEM', slug: 'request-timeout' })
  rateGuard.received(1_000_000)
  await rateGuard.wait(after(1_001, 'x'))
  await t.rejects(rateGuard.wait(never), { code: 'HEADGATE_PROBLEM' }, 'the saved time is at most the grace period')
  const patient = createBodyRateGuard({ minBytesPerSecond: 0, graceMs: 1 })
  t.equal(await patient.wait(Promise.resolve('x')), 'x')
})

const aws = await startAws(t)

/** Sends a head, and then a few bytes at a time until the server closes the connection. Resolves to the response. */
async function trickle({ url }: TestApi, head: string, drop: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket: Socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  socket.on('error', () => socket.destroy())
  socket.write(head)
  const timer = setInterval(() => socket.writable && socket.write(drop), 50)
  await new Promise<void>(resolve => socket.once('close', () => resolve()))
  clearInterval(timer)
  return Buffer.concat(chunks).toString()
}

const isTimeout = /^HTTP\/1\.1 408 .*application\/problem\+json.*urn:headgate:problem:request-timeout/s

t.test('a body that arrives too slowly is rejected in every upload format, and leaves nothing', async t => {
  const api = await buildTestApi(t, aws, { env: { MIN_BODY_BYTES_PER_SECOND: '10000', SLOW_BODY_GRACE_MS: '300' } })
  const user = await createTestUser(aws)
  const head = (path: string, type: string, length = 'content-length: 1000000') =>
    `POST ${path} HTTP/1.1\r\nhost: a\r\nauthorization: ${user.auth.authorization}\r\ncontent-type: ${type}\r\n${length}\r\n\r\n`
  const form = 'multipart/form-data; boundary=b'
  const openFile = '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
  const chunked = 'transfer-encoding: chunked'
  const slow: Array<[string, string, string]> = [
    ['raw', head('/uploads?filename=a', 'a/b'), 'x'],
    ['raw, that stops', head('/uploads?filename=a', 'a/b'), ''],
    ['raw, in chunks', head('/uploads?filename=a', 'a/b', chunked), '1\r\nx\r\n'],
    ['a small body', head('/uploads?filename=a', 'a/b', 'content-length: 1000'), 'x'],
    ['JSON', `${head('/uploads', 'application/json')}{"content":"`, 'x'],
    ['a form before its file', head('/uploads', form), '-'],
    ['a form in its file', head('/uploads', form) + openFile, 'x'],
    [
      'a form behind its file',
      `${head('/uploads', form) + openFile}x\r\n`,
      '--b\r\ncontent-disposition: form-data; name="note"\r\n\r\nx\r\n',
    ],
  ]
  const answers = await Promise.all(slow.map(([, start, drop]) => trickle(api, start, drop)))
  for (const [index, [what]] of slow.entries()) t.match(answers[index], isTimeout, what)
  t.same(await user.traces(), NO_TRACES)
})

t.test('the JSON of a grant request that arrives too slowly is rejected, and nothing is granted', async t => {
  const api = await buildTestApi(t, aws, { env: { MIN_BODY_BYTES_PER_SECOND: '10000', SLOW_BODY_GRACE_MS: '300' } })
  const user = await createTestUser(aws)
  const head = `POST /uploads/grants HTTP/1.1\r\nhost: a\r\nauthorization: ${user.auth.authorization}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n`
  t.match(await trickle(api, `${head}{"filename":"`, 'x'), isTimeout)
  t.same(await user.traces(), NO_TRACES)
})

t.test(
  'a resumable upload that arrives too slowly is rejected, and continues after the bytes that arrived',
  async t => {
    const api = await buildTestApi(t, aws, { env: { MIN_BODY_BYTES_PER_SECOND: '10000', SLOW_BODY_GRACE_MS: '300' } })
    const user = await createTestUser(aws)
    const client = tusClient(api, user)
    const head = (method: string, path: string, length: string) =>
      `${method} ${path} HTTP/1.1\r\nhost: a\r\nauthorization: ${user.auth.authorization}\r\ntus-resumable: 1.0.0\r\ncontent-type: application/offset+octet-stream\r\n${length}\r\ncontent-length: 1000\r\n\r\n`
    t.match(await trickle(api, head('POST', '/uploads/tus', 'upload-length: 1000'), 'x'), isTimeout)
    t.same(await user.traces(), NO_TRACES, 'an upload without a Location is not kept')
    const url = await client.begin(1_000)
    t.match(await trickle(api, head('PATCH', url, 'upload-offset: 0'), 'x'), isTimeout)
    const offset = await client.offset(url)
    t.ok(offset > 0 && offset < 1_000, `${offset} bytes have come`)
    t.match(await client.patch(url, offset, Buffer.alloc(1_000 - offset, 'x')), { status: 204 })
    t.match((await user.traces()).records, [{ size: 1_000, sha256: sha256Of(Buffer.alloc(1_000, 'x')) }])
  },
)

t.test('headers that arrive too slowly are rejected', async t => {
  const api = await buildTestApi(t, aws, { env: { HEADERS_TIMEOUT_MS: '400' } })
  const answers = await Promise.all([
    trickle(api, 'GET /livez HTTP/1.1\r\n', 'X-A: b\r\n'),
    trickle(api, 'GET /livez HTTP/1.1\r\nHost: a\r\nX-A: ', 'b'),
    trickle(api, 'G', ''),
  ])
  for (const answer of answers) t.match(answer, isTimeout)
})

t.test('a request that takes too long in total is rejected, even if it is fast enough', async t => {
  const api = await buildTestApi(t, aws, { env: { REQUEST_TIMEOUT_MS: '1000', MIN_BODY_BYTES_PER_SECOND: '0' } })
  const user = await createTestUser(aws)
  const head = `POST /uploads?filename=a HTTP/1.1\r\nhost: a\r\nauthorization: ${user.auth.authorization}\r\ncontent-length: 1000000\r\n\r\n`
  t.match(await trickle(api, head, 'x'.repeat(1_000)), isTimeout)
  t.same(await user.traces(), NO_TRACES)
})

t.test('slow uploads of one owner leave memory for another owner', async t => {
  const api = await buildTestApi(t, aws, { env: { UPLOAD_MEMORY_BYTES: String(32 * 1024 ** 2) } })
  const [slow, other] = [await createTestUser(aws), await createTestUser(aws)]
  const { hostname, port } = new URL(api.url)
  const head = `POST /uploads?filename=a HTTP/1.1\r\nHost: a\r\nAuthorization: ${slow.auth.authorization}\r\nContent-Length: 9000000\r\n\r\n`
  const sockets = Array.from({ length: 6 }, () => connect(Number(port), hostname))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  for (const socket of sockets) {
    socket.on('error', () => socket.destroy())
    socket.write(head)
    // More bytes than an upload may have outside that memory.
    await new Promise<void>(resolve => socket.write(Buffer.alloc(300_000), () => resolve()))
  }
  const init = { method: 'POST', headers: other.auth, body: Buffer.alloc(1_000_000) }
  t.match(await ask(`${api.url}/uploads?filename=b`, init), { status: 200, body: { size: 1_000_000 } })
  const client = tusClient(api, other)
  t.match(await client.patch(await client.begin(1_000_000), 0, Buffer.alloc(1_000_000)), { status: 204 })
})

t.test('slow resumable uploads of one owner leave memory for another owner too', async t => {
  const api = await buildTestApi(t, aws, { env: { UPLOAD_MEMORY_BYTES: String(32 * 1024 ** 2) } })
  const [slow, other] = [await createTestUser(aws), await createTestUser(aws)]
  const { hostname, port } = new URL(api.url)
  const sockets = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const url = await tusClient(api, slow).begin(9_000_000)
      const socket = connect(Number(port), hostname)
      t.teardown(() => socket.destroy())
      socket.on('error', () => socket.destroy())
      const head = `PATCH ${url} HTTP/1.1\r\nHost: a\r\nAuthorization: ${slow.auth.authorization}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 9000000\r\n\r\n`
      socket.write(head)
      await new Promise<void>(resolve => socket.write(Buffer.alloc(300_000), () => resolve()))
      return socket
    }),
  )
  t.equal(sockets.length, 6)
  const init = { method: 'POST', headers: other.auth, body: Buffer.alloc(1_000_000) }
  t.match(await ask(`${api.url}/uploads?filename=b`, init), { status: 200, body: { size: 1_000_000 } })
})

t.test('slow clients do not delay others', async t => {
  const api = await buildTestApi(t, aws)
  const { hostname, port } = new URL(api.url)
  const sockets = Array.from({ length: 200 }, () => connect(Number(port), hostname))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  for (const socket of sockets) socket.write('POST /uploads?filename=a HTTP/1.1\r\nHost: a\r\nX-A: ')
  t.equal((await fetch(`${api.url}/livez`)).status, 200)
})
