import t from 'tap'
import { startAws } from '../support/aws.ts'
import { sendAndBreakOff, sendEndless, sendThenRead } from './endless-request.ts'
import { form } from './form.ts'
import { ask, buildTestApi, createTestUser, eventually, isProblem, NO_TRACES } from './support.ts'

const aws = await startAws(t)
const MIB = 1024 ** 2

/** Returns a form up to the first byte of its file. */
const openForm = form([{ name: 'file', filename: 'a.bin', type: 'application/octet-stream', value: '' }], { end: '' })
const openFormHead = openForm.body.subarray(0, -2)

t.test('a file of 50 bytes with a limit of 10 is rejected, not truncated', async t => {
  const api = await buildTestApi(t, aws, { env: { MAX_UPLOAD_BYTES: '10' } })
  const user = await createTestUser(aws)
  const post = (query: string, headers: Record<string, string>, body: Buffer<ArrayBuffer> | ReadableStream) =>
    ask(`${api.url}/uploads${query}`, {
      method: 'POST',
      headers: { ...user.auth, ...headers },
      body,
      ...(body instanceof ReadableStream && { duplex: 'half' as const }),
    })
  const bytes = Buffer.alloc(50, 'x')
  const { body, headers } = form([{ name: 'file', filename: 'a.txt', type: 'text/plain', value: bytes }])
  isProblem(t, await post('', headers, body), 413, 'payload-too-large', 'multipart')
  isProblem(t, await post('?filename=a.txt', {}, bytes), 413, 'payload-too-large', 'raw')
  isProblem(
    t,
    await post('?filename=a.txt', {}, new Blob([bytes]).stream()),
    413,
    'payload-too-large',
    'raw, in chunks',
  )
  t.same(await user.traces(), NO_TRACES)
})

t.test('a file of exactly the maximum size is accepted, in a form too', async t => {
  const api = await buildTestApi(t, aws, { env: { MAX_UPLOAD_BYTES: '10' } })
  const user = await createTestUser(aws)
  const { body, headers } = form([{ name: 'file', filename: 'a.txt', type: 'text/plain', value: '0123456789' }])
  const answer = await ask(`${api.url}/uploads`, { method: 'POST', headers: { ...user.auth, ...headers }, body })
  t.match(answer, { status: 200, body: { size: 10 } })
})

t.test('an endless body is rejected soon after the limit, and the connection is closed', async t => {
  const limit = 10 * MIB
  const api = await buildTestApi(t, aws, { env: { MAX_UPLOAD_BYTES: String(limit) } })
  const user = await createTestUser(aws)
  const answers = {
    raw: await sendEndless(`${api.url}/uploads?filename=a.bin`, user.auth),
    multipart: await sendEndless(`${api.url}/uploads`, { ...user.auth, ...openForm.headers }, openFormHead),
    json: await sendEndless(
      `${api.url}/uploads`,
      { ...user.auth, 'content-type': 'application/json' },
      Buffer.from('"'),
    ),
  }
  for (const [format, answer] of Object.entries(answers)) {
    t.match(
      answer,
      { status: 413, connection: 'close', body: { type: 'urn:headgate:problem:payload-too-large' } },
      format,
    )
    // At most the limit, the bytes in flight to S3, and the buffers of both sockets.
    t.ok(answer.sent < limit + 16 * MIB, `${format}: ${answer.sent} bytes were sent`)
  }
  t.same(await user.traces(), NO_TRACES)
})

t.test('a body with a declared length over the limit is rejected before it is read', async t => {
  const api = await buildTestApi(t, aws, { env: { MAX_UPLOAD_BYTES: String(10 * MIB) } })
  const user = await createTestUser(aws)
  const headers = { ...user.auth, 'content-length': String(200 * MIB) }
  const answer = await sendEndless(`${api.url}/uploads?filename=a.bin`, headers)
  t.match(answer, { status: 413, connection: 'close' })
  t.ok(answer.sent < 10 * MIB, `${answer.sent} bytes were sent`)
})

t.test('a client that sends everything before it reads gets the error', async t => {
  const api = await buildTestApi(t, aws, { env: { MAX_UPLOAD_BYTES: String(MIB) } })
  const user = await createTestUser(aws)
  const tooLarge = await sendThenRead(`${api.url}/uploads?filename=a.bin`, user.auth, 30 * MIB)
  t.match(tooLarge, /^HTTP\/1\.1 413 .*urn:headgate:problem:payload-too-large/s)
  const unknown = await sendThenRead(`${api.url}/uploads?filename=a.bin`, {}, 30 * MIB)
  t.match(unknown, /^HTTP\/1\.1 401 .*urn:headgate:problem:missing-token/s)
})

t.test('a request without a token is rejected before its body is read', async t => {
  const api = await buildTestApi(t, aws)
  const answer = await sendEndless(`${api.url}/uploads?filename=a.bin`, {})
  t.match(answer, { status: 401, connection: 'close' })
  t.ok(answer.sent < 10 * MIB, `${answer.sent} bytes were sent`)
})

t.test('a client that disconnects leaves nothing, however much of the file had arrived', async t => {
  const formats = {
    raw: { path: '/uploads?filename=a.bin', headers: {} },
    multipart: { path: '/uploads', headers: openForm.headers, head: openFormHead },
    json: { path: '/uploads', headers: { 'content-type': 'application/json' }, head: Buffer.from('{"content":"') },
  }
  for (const [format, { path, headers, ...rest }] of Object.entries(formats)) {
    for (const bytes of format === 'json' ? [64 * 1024] : [64 * 1024, 20 * MIB]) {
      const api = await buildTestApi(t, aws)
      const user = await createTestUser(aws)
      await sendAndBreakOff(`${api.url}${path}`, { headers: { ...user.auth, ...headers }, ...rest, bytes })
      await eventually(() => api.log.some(line => line.includes('HEADGATE_INCOMPLETE_BODY')))
      t.same(await user.traces(), NO_TRACES, `${format}, ${bytes} bytes`)
      t.match(api.log.join(''), /"request broken off"/, 'it is in the log of requests')
      t.notMatch(api.log.join(''), /"level":"error"/, `${format}, ${bytes} bytes: no error is logged`)
    }
  }
})
