import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { startAws } from '../support/aws.ts'
import { as, JSON_TYPE } from './attacks/attack.ts'
import { bytesOf } from './attacks/raw.ts'
import { buildTestApi, createTestUser, eventually, postJson, type TestApi } from './support.ts'

const aws = await startAws(t)

/** Sends bytes, ends this side of the connection, and reads until the api ends the other. */
async function sendAndEnd(t: Test, api: TestApi, bytes: Uint8Array): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(api.url).port), allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  socket.end(bytes)
  return readAll(socket)
}

async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  await once(socket, 'end')
  return Buffer.concat(chunks).toString('latin1')
}

t.test('a client that closes its side after a complete request gets its response', async t => {
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const keepAlive = ['Connection', 'keep-alive'] as const
  const upload = { method: 'POST', path: '/uploads', headers: as(user, JSON_TYPE, keepAlive), body: '{"content":"x"}' }
  t.match(await sendAndEnd(t, api, bytesOf(upload)), /^HTTP\/1\.1 200 OK\r\n/)
  const list = { path: '/uploads?limit=1', headers: as(user, keepAlive) }
  t.match(await sendAndEnd(t, api, bytesOf(list)), /^HTTP\/1\.1 200 OK\r\n/)
  const refused = { path: '/uploads', headers: [keepAlive] }
  t.match(await sendAndEnd(t, api, bytesOf(refused)), /^HTTP\/1\.1 401 /)
  const two = Buffer.concat([bytesOf(list), bytesOf({ path: '/livez', headers: [keepAlive] })])
  t.equal((await sendAndEnd(t, api, two)).match(/HTTP\/1\.1 200 OK/g)?.length, 2, 'to each request of several')
})

t.test('a client that closes its side during a request gets an error, and nothing is stored', async t => {
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const headers = as(user, JSON_TYPE, ['Content-Length', '100'])
  const answer = await sendAndEnd(t, api, bytesOf({ method: 'POST', path: '/uploads', headers, body: '{"content"' }))
  t.notMatch(answer, /HTTP\/1\.1 2/)
  t.equal((await user.traces()).records.length, 0)
})

t.test('a waiting client that closes its side gets its response at once, and does not delay others', async t => {
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const { body } = await postJson(api, user, { content: 'x' })
  const paths = [`/uploads/${body.uploadId}?wait=25`, `/uploads/${body.uploadId}/events`]
  for (const path of paths) {
    const started = performance.now()
    const answer = await sendAndEnd(t, api, bytesOf({ path, headers: as(user) }))
    t.match(answer, /^HTTP\/1\.1 200 OK\r\n/, path)
    t.match(answer, /"status":"queued"/, path)
    t.ok(performance.now() - started < 10_000, path)
  }
})

t.test('a connection that ends without a request is closed', async t => {
  const api = await buildTestApi(t, aws)
  t.equal(await sendAndEnd(t, api, Buffer.alloc(0)), '')
  const gone = connect({ host: '127.0.0.1', port: Number(new URL(api.url).port) })
  gone.end(bytesOf({ path: `/uploads/${uuidv7()}`, headers: [['Connection', 'keep-alive']] }))
  gone.resume()
  await once(gone, 'close')
  await eventually(() => api.log.some(line => line.includes('"msg":"request"')))
})
