import { createHash } from 'node:crypto'
import { GetObjectCommand, HeadObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { createLocalClients } from '../../../services/local/clients.ts'
import { names } from '../../../services/platform/resources.ts'
import { createPartBuffers, PART_BYTES } from '../../../services/platform/s3/part-buffers.ts'
import { createPutStream } from '../../../services/platform/s3/put-stream.ts'
import { startAws } from '../../support/aws.ts'
import { type SeenRequest, startFaultProxy } from '../../support/fault-proxy.ts'
import { internalError } from '../../support/faults/aws-errors.ts'
import { loseReply } from '../../support/faults/faults.ts'

const aws = await startAws(t)
const Bucket = names.uploadBucket

async function start(t: Test, { maxParts = 4 } = {}) {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const clients = createLocalClients({ ...aws.endpoints, s3: proxy.url })
  t.teardown(() => clients.destroy())
  // Full parts have three quarters of the memory.
  const buffers = createPartBuffers(Math.ceil((maxParts * PART_BYTES * 4) / 3))
  const leftovers: string[] = []
  const put = createPutStream({ s3: clients.s3, bucket: Bucket, buffers, onLeftover: (_, key) => leftovers.push(key) })
  return { proxy, buffers, put, leftovers }
}

const object = (key: string) => ({ key, contentType: 'text/plain', metadata: { 'upload-id': key } })

/** Yields the given number of bytes in chunks that no part size is a multiple of. */
async function* chunks(bytes: number, failure?: Error): AsyncGenerator<Uint8Array> {
  for (let offset = 0, number = 0; offset < bytes; number++) {
    const chunk = Buffer.alloc(Math.min(65_521, bytes - offset), number % 251)
    offset += chunk.length
    yield chunk
  }
  if (failure) throw failure
}

async function digest(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of body) hash.update(chunk)
  return hash.digest('hex')
}

async function stored(Key: string): Promise<string> {
  const { Body } = await aws.s3.send(new GetObjectCommand({ Bucket, Key }))
  return digest(Body as AsyncIterable<Uint8Array>)
}

const isThere = (Key: string) =>
  aws.s3.send(new HeadObjectCommand({ Bucket, Key })).then(
    () => true,
    () => false,
  )

const openUploads = async () =>
  (await aws.s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.map(({ Key }) => Key) ?? []

const isPart = ({ method, path }: SeenRequest) => method === 'PUT' && /[?&]partNumber=/.test(path)
const isCompletion = ({ method, path }: SeenRequest) => method === 'POST' && /[?&]uploadId=/.test(path)
const isAbort = ({ method, path }: SeenRequest) => method === 'DELETE' && /[?&]uploadId=/.test(path)

/** Checks that all buffers were released: takes as many as the memory has. */
async function expectAllReleased(buffers: ReturnType<typeof createPartBuffers>, maxParts: number): Promise<void> {
  const taken = await Promise.all(Array.from({ length: maxParts }, () => buffers.take({ isContinuing: true })))
  for (const room of taken) room.release()
}

t.test('stores a body of any size byte for byte, with the minimum number of requests', async t => {
  const { proxy, put, buffers } = await start(t)
  const sizes = [0, 1, 128 * 1024, 128 * 1024 + 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 5]
  for (const bytes of sizes) {
    const before = proxy.count(isPart)
    const key = `uploads/size-${bytes} (1)'s ü.txt`
    await put(object(key), chunks(bytes))
    t.equal(await stored(key), await digest(chunks(bytes)), `${bytes} bytes`)
    const head = await aws.s3.send(new HeadObjectCommand({ Bucket, Key: key }))
    t.match(head, { ContentType: 'text/plain', ContentLength: bytes })
    const parts = bytes < PART_BYTES ? 0 : Math.ceil(bytes / PART_BYTES)
    t.equal(proxy.count(isPart) - before, parts, `${parts} parts for ${bytes} bytes`)
  }
  await expectAllReleased(buffers, 4)
})

t.test('retries a part that is rejected, or whose response is lost', async t => {
  const { proxy, put } = await start(t)
  for (const [name, fault] of Object.entries({ refused: internalError('s3'), lost: loseReply })) {
    const injected = proxy.inject(fault, { when: isPart, times: 2 })
    await put(object(`uploads/${name}`), chunks(2 * PART_BYTES + 9))
    t.equal(injected.hits, 2)
    t.equal(await stored(`uploads/${name}`), await digest(chunks(2 * PART_BYTES + 9)))
  }
  t.same(await openUploads(), [])
})

t.test('detects a completion whose responses were all lost by the object', async t => {
  const { proxy, put } = await start(t)
  const injected = proxy.inject(loseReply, { when: isCompletion })
  await put(object('uploads/completed'), chunks(2 * PART_BYTES))
  t.ok(injected.hits > 1, 'it was tried again')
  t.equal(await stored('uploads/completed'), await digest(chunks(2 * PART_BYTES)))
})

t.test('does not mistake an older object for a failed completion', async t => {
  const { proxy, put } = await start(t)
  await put(object('uploads/before'), chunks(2 * PART_BYTES))
  proxy.inject(internalError('s3'), { when: isCompletion })
  const other = { ...object('uploads/before'), metadata: { 'upload-id': 'another' } }
  await t.rejects(put(other, chunks(2 * PART_BYTES)))
  t.same(await openUploads(), [])
})

t.test('a failed body leaves no object, part or memory behind, and its error is thrown', async t => {
  const { put, buffers } = await start(t)
  for (const bytes of [10, PART_BYTES - 1, PART_BYTES + 1, 4 * PART_BYTES]) {
    const key = `uploads/failed-${bytes}`
    await t.rejects(put(object(key), chunks(bytes, new Error('cut off'))), { message: 'cut off' })
    t.notOk(await isThere(key), key)
  }
  t.same(await openUploads(), [])
  await expectAllReleased(buffers, 4)
})

t.test('deletes the parts and stops reading the body if S3 rejects a part', async t => {
  const { proxy, put, buffers } = await start(t)
  proxy.inject(internalError('s3'), { when: isPart })
  let left = false
  async function* endless() {
    try {
      for (;;) yield Buffer.alloc(65_536)
    } finally {
      left = true
    }
  }
  await t.rejects(put(object('uploads/endless'), endless()), { name: 'InternalError' })
  t.ok(left, 'its source was told')
  t.same(await openUploads(), [])
  await expectAllReleased(buffers, 4)
})

t.test('reports parts that cannot be deleted, and throws the first error', async t => {
  const { proxy, put, leftovers } = await start(t)
  proxy.inject(internalError('s3'), { when: isAbort })
  await t.rejects(put(object('uploads/stuck'), chunks(2 * PART_BYTES, new Error('cut off'))), { message: 'cut off' })
  t.same(leftovers, ['uploads/stuck'])
})

t.test('bodies wait for memory, and all are stored', async t => {
  const { put } = await start(t, { maxParts: 2 })
  const keys = Array.from({ length: 6 }, (_, number) => `uploads/waiting-${number}`)
  await Promise.all(keys.map(key => put(object(key), chunks(PART_BYTES + 7))))
  for (const key of keys) t.equal(await stored(key), await digest(chunks(PART_BYTES + 7)))
})
