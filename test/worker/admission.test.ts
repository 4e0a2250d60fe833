import t from 'tap'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { going, startPipeline, streamRecord } from './pipeline.ts'
import { startS3Proxy } from './s3-proxy.ts'

const MIB = 1024 ** 2

const pipeline = await startPipeline(t)
const { aws, store, lines } = pipeline
const proxy = await startS3Proxy(t, aws)
// The budget admits one object of 9 MiB, which holds three parts of 8 MiB.
const processor = pipeline.processor({ s3: proxy.s3, largeObjectsBytes: 24 * MIB })

t.beforeEach(() => {
  proxy.decide(() => 'pass')
  proxy.seen.length = 0
  lines.length = 0
})

const gets = () => proxy.seen.filter(request => request.startsWith('GET')).length
const begun = () => proxy.seen.filter(request => /^POST .*\?uploads/.test(request)).length

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`timed out waiting for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

const LARGE = Buffer.alloc(9 * MIB, 'a')
const large = (filename: string, change: Partial<UploadRecord> = {}) =>
  pipeline.upload(LARGE, { filename, contentType: 'text/plain', size: LARGE.byteLength, ...change })

t.test('large objects are processed one after the other, and a small one does not wait for them', async t => {
  const gate = Promise.withResolvers<void>()
  proxy.decide(request => (request.url?.includes('partNumber=') ? { held: gate.promise } : 'pass'))
  const uploads = [await large('1.txt'), await large('2.txt'), await large('3.txt')]
  let waiting = 0
  const onWait = () => waiting++
  const done = uploads.map(upload => processor.process(streamRecord(upload), { ...going, onWait }))
  await until(() => begun() === 1 && waiting === 2, 'the first object, and the wait of the others')
  t.equal(gets(), 1, 'a waiting object is not opened')

  const small = await pipeline.upload('small')
  await processor.process(streamRecord(small), going)
  t.match(await store.get(small), { status: 'processed' })
  t.equal(begun(), 1, 'one large object at a time')

  gate.resolve()
  await Promise.all(done)
  for (const upload of uploads) t.match(await store.get(upload), { status: 'processed' })
  t.equal(begun(), 3)
  t.equal(await proxy.endOpenUploads(), 0)
})

t.test('a waiting large object is aborted by its signal, and the next one is processed', async t => {
  const gate = Promise.withResolvers<void>()
  proxy.decide(request => (request.url?.includes('partNumber=') ? { held: gate.promise } : 'pass'))
  const uploads = [await large('1.txt'), await large('2.txt'), await large('3.txt')] as const
  const first = processor.process(streamRecord(uploads[0]), going)
  await until(() => begun() === 1, 'the first')
  const aborter = new AbortController()
  let waiting = 0
  const onWait = () => waiting++
  const second = processor.process(streamRecord(uploads[1]), { signal: aborter.signal, onWait })
  const third = processor.process(streamRecord(uploads[2]), { ...going, onWait })
  await until(() => waiting === 2, 'the wait of the others')
  aborter.abort()
  await t.rejects(second, { name: 'AbortError' })
  t.match(await store.get(uploads[1]), { status: 'stored' })
  gate.resolve()
  await Promise.all([first, third])
  t.match(await store.get(uploads[2]), { status: 'processed' })
})

t.test(
  'an object whose event states no size or a wrong one is opened, closed and opened again in its turn',
  async t => {
    const gate = Promise.withResolvers<void>()
    proxy.decide(request => (request.url?.includes('partNumber=') ? { held: gate.promise } : 'pass'))
    const uploads = [await large('1.txt'), await large('2.txt', { size: 5 }), await large('3.txt')] as const
    const first = processor.process(streamRecord(uploads[0]), going)
    await until(() => begun() === 1, 'the first')
    let waiting = 0
    const onWait = () => waiting++
    const understated = processor.process(streamRecord(uploads[1]), { ...going, onWait })
    const { bucket, key } = uploads[2]
    const bare = processor.process(streamRecord({ bucket, key }), { ...going, onWait })
    await until(() => waiting === 2, 'the wait of the others')
    t.equal(gets(), 3)
    t.equal(begun(), 1)
    gate.resolve()
    await Promise.all([first, understated, bare])
    t.equal(gets(), 5, 'both objects are opened again in their turns')
    for (const upload of uploads) t.match(await store.get(upload), { status: 'processed' })
  },
)

t.test('many large objects of one owner do not delay a large object of another owner', async t => {
  const gate = Promise.withResolvers<void>()
  proxy.decide(request => (request.url?.includes('partNumber=') ? { held: gate.promise } : 'pass'))
  const uploads = await Promise.all(['1.txt', '2.txt', '3.txt', '4.txt'].map(name => large(name, { owner: 'heavy' })))
  const other = await large('other.txt', { owner: 'other' })
  const order: string[] = []
  let waiting = 0
  const all = [...uploads, other].map(async upload => {
    await processor.process(streamRecord(upload), { ...going, onWait: () => waiting++ })
    order.push(upload.filename)
  })
  await until(() => waiting === 4, 'the wait of all but the first')
  gate.resolve()
  await Promise.all(all)
  t.ok(order.indexOf('other.txt') <= 2, `${order}: after the object in progress and at most one more`)
})

t.test('an object that fails releases its memory', async t => {
  const upload = await large('1.txt')
  const record = streamRecord(upload)
  for (let time = 0; time < 3; time++) {
    proxy.decide(request => (request.method === 'POST' ? { status: 503, code: 'SlowDown' } : 'pass'))
    await t.rejects(processor.process(record, going), { name: 'SlowDown' })
  }
  proxy.decide(() => 'pass')
  await processor.process(record, going)
  t.match(await store.get(upload), { status: 'processed' })
})
