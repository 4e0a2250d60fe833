import { randomBytes } from 'node:crypto'
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { names } from '../../services/platform/resources.ts'
import { createWriteProcessedObject } from '../../services/worker/outputs/processed-object.ts'
import { startAws } from '../support/aws.ts'
import { startFaultProxy, to } from '../support/fault-proxy.ts'
import { internalError } from '../support/faults/aws-errors.ts'
import { loseReply, silence } from '../support/faults/faults.ts'

const aws = await startAws(t)

/** Creates functions that write an output through a proxy, and read it directly. */
async function startWriting(t: Test) {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const { s3, destroy } = createLocalClients({ ...aws.endpoints, s3: proxy.url })
  t.teardown(destroy)
  const onLeftover = (error: unknown) => t.error(error)
  const write = createWriteProcessedObject({ s3, bucket: names.processedBucket, onLeftover })
  const key = `processed/${randomBytes(6).toString('hex')}/a.txt`
  const object = { key, contentType: 'text/plain', metadata: { transform: 'x' } }
  return {
    proxy,
    key,
    write: (body: AsyncIterable<Uint8Array>, signal = new AbortController().signal) =>
      write(object, { body, inputBytes: 1, signal }),
    async read() {
      const { Body, ...head } = await aws.s3.send(new GetObjectCommand({ Bucket: names.processedBucket, Key: key }))
      return { ...head, bytes: Buffer.from((await Body?.transformToByteArray()) ?? []) }
    },
    async isThere() {
      const query = { Bucket: names.processedBucket, Prefix: key }
      return ((await aws.s3.send(new ListObjectsV2Command(query))).Contents ?? []).length > 0
    },
  }
}

async function* chunksOf(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

for (const [name, size] of [
  ['no bytes', 0],
  ['a few bytes', 5],
  ['one byte more than is buffered', 128 * 1024 + 1],
] as const) {
  t.test(`an output is written unchanged with its metadata: ${name}`, async t => {
    const { write, read } = await startWriting(t)
    const bytes = randomBytes(size)
    await write(chunksOf(bytes.subarray(0, 3), bytes.subarray(3)))
    const found = await read()
    t.ok(found.bytes.equals(bytes))
    t.match(found, { ContentType: 'text/plain', Metadata: { transform: 'x' } })
  })
}

t.test('the write of a small output is retried if S3 fails or its response is lost', async t => {
  for (const fault of [internalError('s3'), loseReply]) {
    const { proxy, write, read } = await startWriting(t)
    proxy.inject(fault, { when: to('PUT'), times: 1 })
    await write(chunksOf(Buffer.from('small')))
    t.equal(String((await read()).bytes), 'small')
    t.equal(proxy.count(to('PUT')), 2)
  }
})

t.test('a body that fails leaves no object, and its error is thrown', async t => {
  const { write, isThere } = await startWriting(t)
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('begun')
    throw new Error('the transform failed')
  }
  await t.rejects(write(failing()), { message: 'the transform failed' })
  t.equal(await isThere(), false)
})

t.test('an abort ends the write of a small output, and the wait for its body', async t => {
  const { proxy, write } = await startWriting(t)
  const hung = proxy.inject(silence, { when: to('PUT') })
  const stop = new AbortController()
  const writing = write(chunksOf(Buffer.from('small')), stop.signal)
  await hung.reached()
  stop.abort(new Error('the lease is lost'))
  await t.rejects(writing)
  t.equal(hung.hits, 1, 'the write is not retried')

  const stopHanging = new AbortController()
  async function* hanging(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('begun')
    stopHanging.abort(new Error('the lease is lost'))
    await new Promise(() => undefined)
  }
  await t.rejects(write(hanging(), stopHanging.signal), { message: 'the lease is lost' })
})
