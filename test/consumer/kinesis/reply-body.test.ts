import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { readBody } from '../../../services/consumer/kinesis/reply-body.ts'

const BODY = Buffer.alloc(300_000, 'abcdefgh')
const allocate = (length: number) => Buffer.alloc(length)

/** A reply over a real connection, and all of its chunks. */
async function receive(t: Pick<Test, 'teardown'>): Promise<{ reply: IncomingMessage; chunks: Buffer[] }> {
  const server = createServer((_, response) => response.end(BODY)).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const [reply] = (await once(get({ port: (server.address() as AddressInfo).port, agent: false }), 'response')) as [
    IncomingMessage,
  ]
  const chunks: Buffer[] = []
  const push = reply.push.bind(reply)
  reply.push = (chunk, encoding) => {
    if (chunk !== null) chunks.push(chunk)
    return push(chunk, encoding)
  }
  return { reply, chunks }
}

t.test('a body is read completely, and the memory of its chunks is freed at once', async t => {
  const { reply, chunks } = await receive(t)
  t.ok((await readBody(reply, BODY.length, allocate)).equals(BODY))
  t.ok(chunks.length > 1)
  t.same(new Set(chunks.map(chunk => chunk.length)), new Set([0]))
})

t.test('chunks that another listener also receives are not freed', async t => {
  const { reply } = await receive(t)
  const heard: Buffer[] = []
  const body = readBody(reply, BODY.length, allocate)
  reply.on('data', chunk => heard.push(chunk))
  t.ok((await body).equals(BODY))
  t.ok(Buffer.concat(heard).equals(BODY))
})

/** A body that emits an error when it is destroyed early, like that of undici. */
class FailingBody extends Readable {
  override _read(): void {
    this.push(Buffer.alloc(10))
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    done(error ?? new Error('aborted'))
  }
}

t.test('a body that is too long is rejected, without an uncaught error of its stream', async t => {
  for (const length of [1024 ** 3, 15]) {
    const body = new FailingBody()
    // Not with `once` of node:events, which also listens for errors.
    const closed = new Promise(resolve => body.once('close', resolve))
    await t.rejects(readBody(body, length, allocate), { message: /longer than/ })
    await closed
    t.ok(body.destroyed)
  }
})

t.test('chunks of other streams are not freed', async t => {
  const mine = [Buffer.alloc(100_000, 'x'), Buffer.alloc(100_000, 'y')]
  const body = await readBody(Readable.from(mine).pipe(new PassThrough()), 200_000, allocate)
  t.ok(body.equals(Buffer.concat(mine)))
  t.equal(mine[0]?.length, 100_000)
})

t.test('chunks that are part of a larger buffer are not freed', async t => {
  const { reply } = await receive(t)
  const larger = Buffer.alloc(100, 'z')
  const body = readBody(reply, BODY.length + 10, allocate)
  reply.unshift(larger.subarray(0, 10))
  t.equal((await body).length, BODY.length + 10)
  t.equal(larger.length, 100)
})
