import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { seededRandom } from '../../uploads/examples.ts'
import { form } from '../form.ts'
import { buildTestApi, createTestUser, readObject, type TestUser } from '../support.ts'
import { tusClient, uploadIdOf } from '../tus/client.ts'
import { as, JSON_TYPE } from './attack.ts'
import { bytesOf } from './raw.ts'

// `HEADGATE_CUTS=200:seed` cuts off 200 requests of each upload format.
const [CUTS = 8, SEED = 20_261_125] = (process.env.HEADGATE_CUTS ?? '').split(':').filter(Boolean).map(Number)
const MIB = 1024 ** 2
const AT_ONCE = 4

const aws = await startAws(t)
/** So little memory that memory which is not released is soon missing. */
const env = { UPLOAD_MEMORY_BYTES: String(32 * MIB) }

/** How a connection ends: closed in both directions, by a reset, or only in the direction of the client. */
const ends = ['close', 'reset', 'half'] as const

/** Sends the start of a request and ends the connection. Resolves when both sides have closed it. */
async function cutOff(url: string, request: Buffer, at: number, end: (typeof ends)[number]): Promise<void> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  // The response of the server does not matter, and the server may reset the connection.
  socket.on('error', () => socket.destroy())
  socket.resume()
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  await new Promise<void>(resolve => socket.write(request.subarray(0, at), () => resolve()))
  if (end === 'half') socket.end()
  else if (end === 'reset') socket.resetAndDestroy()
  else socket.destroy()
  await closed
}

const chunked = (body: Buffer, size: number) => {
  const chunks = Array.from({ length: Math.ceil(body.length / size) }, (_, n) =>
    body.subarray(n * size, (n + 1) * size),
  )
  return Buffer.concat([
    ...chunks.flatMap(chunk => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
    Buffer.from('0\r\n\r\n'),
  ])
}

/** A complete request of each upload format. */
const requests: Record<string, (user: TestUser) => Buffer> = {
  json: user =>
    bytesOf({
      method: 'POST',
      path: '/uploads',
      headers: as(user, JSON_TYPE),
      body: JSON.stringify({ filename: 'a.txt', content: 'x'.repeat(100_000) }),
    }),
  'a small file': user =>
    bytesOf({ method: 'POST', path: '/uploads?filename=a', headers: as(user), body: randomBytes(50_000) }),
  raw: user => bytesOf({ method: 'POST', path: '/uploads?filename=a', headers: as(user), body: randomBytes(17 * MIB) }),
  'raw in chunks': user =>
    bytesOf({
      method: 'POST',
      path: '/uploads?filename=a',
      headers: as(user, ['Transfer-Encoding', 'chunked']),
      body: chunked(randomBytes(9 * MIB), 60_000),
    }),
  'a form of several files': user => {
    const sizes = [10, 200_000, 9 * MIB, 1]
    const parts = sizes.map((size, n) => ({ name: 'file', filename: `${n}`, type: 'a/b', value: randomBytes(size) }))
    const { body, headers } = form(parts)
    return bytesOf({
      method: 'POST',
      path: '/uploads',
      headers: as(user, ['Content-Type', headers['content-type']]),
      body,
    })
  },
  'with a key': user =>
    bytesOf({
      method: 'POST',
      path: '/uploads?filename=a',
      headers: as(user, ['Idempotency-Key', randomBytes(8).toString('hex')]),
      body: randomBytes(9 * MIB),
    }),
}

t.test('a client that disconnects during its request leaves nothing, in any upload format', async t => {
  for (const [format, make] of Object.entries(requests)) {
    const random = seededRandom(SEED)
    const api = await buildTestApi(t, aws, { env })
    const user = await createTestUser(aws)
    const request = make(user)
    // A quarter of the cuts are just before the end. The others are anywhere, including the head.
    const places = Array.from({ length: CUTS }, (_, n) =>
      n % 4 === 0 ? request.length - 1 - Math.floor(random() * 40) : Math.floor(random() * (request.length - 1)) + 1,
    )
    const work = async () => {
      for (let at = places.shift(); at !== undefined; at = places.shift()) {
        await cutOff(api.url, request, at, ends[Math.floor(random() * 3)] ?? 'close')
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    // The close waits until everything that was stored is removed.
    await api.app.close()
    const { objects, openUploads, records } = await user.traces()
    t.same({ objects, openUploads }, { objects: [], openUploads: 0 }, format)
    t.same(records, [], `${format}: nothing is recorded`)
    t.notMatch(api.log.join(''), /"level":"(?:error|fatal)"/, `${format}: no error is logged`)
  }
})

t.test('a client that disconnects after its request has either a complete upload or none', async t => {
  const api = await buildTestApi(t, aws, { env })
  const user = await createTestUser(aws)
  const random = seededRandom(SEED)
  for (let n = 0; n < CUTS; n++) {
    const request = (requests[n % 2 ? 'a small file' : 'json'] as (user: TestUser) => Buffer)(user)
    await cutOff(api.url, request, request.length, ends[Math.floor(random() * 3)] ?? 'close')
  }
  await api.app.close()
  const { objects, openUploads, records } = await user.traces()
  t.same(objects.toSorted(), records.map(({ key }) => key).toSorted(), 'objects and records are the same')
  t.equal(openUploads, 0)
})

t.test('a resumable upload continues after its client disconnected, and is complete in the end', async t => {
  const api = await buildTestApi(t, aws, { env })
  const user = await createTestUser(aws)
  const client = tusClient(api, user)
  const random = seededRandom(SEED)
  const bytes = randomBytes(17 * MIB + 5)
  const url = await client.begin(bytes.length)
  let offset = 0
  for (let n = 0; n < CUTS; n++) {
    const rest = bytes.subarray(offset)
    const request = bytesOf({
      method: 'PATCH',
      path: url,
      headers: as(
        user,
        ['Tus-Resumable', '1.0.0'],
        ['Upload-Offset', String(offset)],
        ['Content-Type', 'application/offset+octet-stream'],
      ),
      body: rest,
    })
    const head = request.length - rest.length
    const sent = Math.floor((random() * 2 * bytes.length) / CUTS)
    await cutOff(api.url, request, Math.min(head + sent, request.length - 1), ends[Math.floor(random() * 3)] ?? 'close')
    const next = await client.offset(url)
    t.ok(next >= offset && next <= offset + sent, `from ${offset} to ${next}, ${sent} were sent`)
    offset = next
  }
  t.match(await client.patch(url, offset, bytes.subarray(offset)), { status: 204 })
  const { objects, openUploads, records } = await user.traces()
  t.match(records, [{ uploadId: uploadIdOf(url), size: bytes.length, status: 'queued' }])
  t.equal(openUploads, 0)
  t.ok((await readObject(aws, objects[0] ?? '')).bytes.equals(bytes), 'every byte is where it belongs')
  t.notMatch(api.log.join(''), /"level":"(?:error|fatal)"/)
})
