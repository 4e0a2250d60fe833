import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { createWriteProcessedObject, partBytes } from '../../services/worker/outputs/processed-object.ts'
import { exists, startPipeline, streamRecord } from './pipeline.ts'
import { startS3Proxy } from './s3-proxy.ts'

const MIB = 1024 ** 2

const pipeline = await startPipeline(t)
const { aws, store } = pipeline
const proxy = await startS3Proxy(t, aws)

t.beforeEach(() => {
  proxy.decide(() => 'pass')
  proxy.seen.length = 0
})

/** Creates a body of `total` MiB that counts how many MiB were read. */
function counted(total: number) {
  const state = { pulled: 0, ended: false }
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      for (; state.pulled < total; ) {
        state.pulled++
        yield Buffer.alloc(MIB, 97)
      }
    } finally {
      state.ended = true
    }
  }
  return { state, body: body() }
}

const writeObject = createWriteProcessedObject({
  s3: proxy.s3,
  bucket: names.processedBucket,
  onLeftover: error => t.fail(String(error)),
})

function write(key: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number> {
  return writeObject({ key, contentType: 'text/plain', metadata: {} }, { body, inputBytes: 0, signal })
}

/** Resolves when the proxy has seen `count` matching requests. */
async function seen(count: number, pattern: RegExp): Promise<void> {
  const deadline = Date.now() + 10_000
  while (proxy.seen.filter(request => pattern.test(request)).length < count) {
    if (Date.now() > deadline) throw new Error(`no ${pattern} among ${proxy.seen.join(', ')}`)
    await new Promise(resolve => setImmediate(resolve))
  }
}

const PART = /^PUT .*partNumber=/

t.test('the proxy of these tests finds a multipart upload that was left open', async t => {
  await proxy.s3.send(new CreateMultipartUploadCommand({ Bucket: names.processedBucket, Key: 'processed/left-open' }))
  t.equal(await proxy.endOpenUploads(), 1)
  t.equal(await proxy.endOpenUploads(), 0)
})

t.test('at most three parts of the input are read ahead of what S3 has stored', async t => {
  const gate = Promise.withResolvers<void>()
  proxy.decide(request => (PART.test(`${request.method} ${request.url}`) ? { held: gate.promise } : 'pass'))
  const { state, body } = counted(60)
  const written = write('processed/bounded', body, new AbortController().signal)
  await seen(2, PART)
  // Two parts are in flight, so no more may be read. After some turns of the event loop, any further read would show.
  for (let turn = 0; turn < 200; turn++) await new Promise(resolve => setImmediate(resolve))
  t.ok(state.pulled <= 26, `${state.pulled} MiB pulled`)
  t.equal(proxy.seen.filter(request => PART.test(request)).length, 2)
  gate.resolve()
  await written
  t.equal(state.pulled, 60)
  t.ok(await exists(aws.s3, 'processed/bounded'))
})

t.test('an abort at any point leaves no object and no open multipart upload', async t => {
  for (const after of [0, 1, 9, 17, 26]) {
    const aborter = new AbortController()
    const { state, body } = counted(40)
    async function* interrupted() {
      for await (const chunk of body) {
        if (state.pulled > after) aborter.abort()
        yield chunk
      }
    }
    await t.rejects(write(`processed/aborted-${after}`, interrupted(), aborter.signal), { name: 'AbortError' })
    t.notOk(await exists(aws.s3, `processed/aborted-${after}`))
    t.ok(state.pulled < 40, 'the input is not read to the end')
    t.equal(await proxy.endOpenUploads(), 0, `after ${after} MiB`)
  }
})

t.test('an abort does not wait for hanging parts or a hanging input', async t => {
  const gate = Promise.withResolvers<void>()
  t.teardown(() => gate.resolve())
  proxy.decide(request => (PART.test(`${request.method} ${request.url}`) ? { held: gate.promise } : 'pass'))
  const hanging = new AbortController()
  const { body } = counted(20)
  const parts = write('processed/hanging-parts', body, hanging.signal)
  await seen(2, PART)
  hanging.abort()
  await t.rejects(parts, { name: 'AbortError' })
  t.equal(await proxy.endOpenUploads(), 0)

  const silent = new AbortController()
  const asked = Promise.withResolvers<void>()
  const never = new Promise<never>(() => undefined)
  async function* stalls(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(MIB)
    asked.resolve()
    yield never
  }
  const input = write('processed/hanging-input', stalls(), silent.signal)
  await asked.promise
  silent.abort()
  await t.rejects(input, { name: 'AbortError' })
})

t.test('nothing is written if the signal is already aborted', async t => {
  const { state, body } = counted(1)
  await t.rejects(write('processed/too-late', body, AbortSignal.abort()), { name: 'AbortError' })
  t.equal(state.pulled, 0)
  t.strictSame(proxy.seen, [])
})

t.test('if S3 rejects a part, no object and no open multipart upload remain, and the input is closed', async t => {
  proxy.decide(request => {
    if (!PART.test(`${request.method} ${request.url}`)) return 'pass'
    return request.url?.includes('partNumber=2&') ? { status: 503, code: 'SlowDown' } : 'pass'
  })
  const { state, body } = counted(60)
  await t.rejects(write('processed/refused', body, new AbortController().signal), { name: 'SlowDown' })
  t.notOk(await exists(aws.s3, 'processed/refused'))
  t.equal(await proxy.endOpenUploads(), 0)
  for (let turn = 0; turn < 50 && !state.ended; turn++) await new Promise(resolve => setImmediate(resolve))
  t.ok(state.ended)
})

t.test('an upload that is aborted half way leaves nothing, and the next attempt processes it', async t => {
  const content = 'a'.repeat(10 * MIB)
  const upload = await pipeline.upload(content)
  const key = `processed/owner-1/${upload.uploadId}/demo.txt`
  const processor = pipeline.processor({ s3: proxy.s3 })
  const gate = Promise.withResolvers<void>()
  proxy.decide(request => (PART.test(`${request.method} ${request.url}`) ? { held: gate.promise } : 'pass'))
  const aborter = new AbortController()
  const record = streamRecord(upload)
  const processed = processor.process(record, { signal: aborter.signal })
  await seen(1, PART)
  aborter.abort()
  await t.rejects(processed, { name: 'AbortError' })
  t.notOk(await exists(aws.s3, key))
  t.equal(await proxy.endOpenUploads(), 0)
  t.match(await store.get(upload), { status: 'stored' })

  gate.resolve()
  proxy.decide(() => 'pass')
  await processor.process(record, { signal: new AbortController().signal })
  t.ok((await pipeline.read(key)).text === content.toUpperCase())
})

t.test('parts are larger only if 10,000 parts of the usual size are not enough', async t => {
  t.equal(partBytes(0), 8 * MIB)
  t.equal(partBytes(5 * 1024 * MIB), 8 * MIB)
  const large = 1024 * 1024 * MIB
  t.ok(partBytes(large) * 10_000 >= large * 3)
})
