import t from 'tap'
import { going, startPipeline, streamRecord } from './pipeline.ts'
import { startS3Proxy } from './s3-proxy.ts'

const MIB = 1024 ** 2

const pipeline = await startPipeline(t)
const { aws, store, lines } = pipeline
const proxy = await startS3Proxy(t, aws)
// Room for one: an object of 9 MiB holds three parts of 8.
const processor = pipeline.processor({ s3: proxy.s3, largeObjectsBytes: 24 * MIB })

t.beforeEach(() => {
  proxy.decide(() => 'pass')
  proxy.seen.length = 0
  lines.length = 0
})

const begun = () => proxy.seen.filter(request => /^POST .*\?uploads/.test(request)).length

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

const large = (filename: string) => pipeline.upload(Buffer.alloc(9 * MIB, 'a'), { filename, contentType: 'text/plain' })

t.test('large objects have their turns while small ones pass', async t => {
  const gate = Promise.withResolvers<void>()
  proxy.decide(request => (request.url?.includes('partNumber=') ? { held: gate.promise } : 'pass'))
  const uploads = [await large('1.txt'), await large('2.txt'), await large('3.txt')]
  const done = uploads.map(upload => processor.process(streamRecord(upload), going))
  await until(() => begun() === 1, 'the first')
  await until(() => proxy.seen.filter(request => request.startsWith('GET')).length === 3, 'a look at the others')

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

t.test('a large object that waits for its turn ends with its signal, and holds nobody up', async t => {
  const gate = Promise.withResolvers<void>()
  proxy.decide(request => (request.url?.includes('partNumber=') ? { held: gate.promise } : 'pass'))
  const uploads = [await large('1.txt'), await large('2.txt'), await large('3.txt')] as const
  const first = processor.process(streamRecord(uploads[0]), going)
  await until(() => begun() === 1, 'the first')
  const calledOff = new AbortController()
  const second = processor.process(streamRecord(uploads[1]), { signal: calledOff.signal })
  const third = processor.process(streamRecord(uploads[2]), going)
  await until(() => proxy.seen.filter(request => request.startsWith('GET')).length === 3, 'a look at the others')
  calledOff.abort()
  await t.rejects(second, { name: 'AbortError' })
  t.match(await store.get(uploads[1]), { status: 'stored' })
  gate.resolve()
  await Promise.all([first, third])
  t.match(await store.get(uploads[2]), { status: 'processed' })
})

t.test('what fails gives its memory back', async t => {
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
