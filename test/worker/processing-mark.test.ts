import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { names } from '../../services/platform/resources.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { createRunMarked } from '../../services/worker/processing/processing-mark.ts'
import type { Transform } from '../../services/worker/transforms/transform.ts'
import { operation, startFaultProxy } from '../support/fault-proxy.ts'
import { throttled } from '../support/faults/aws-errors.ts'
import { silence } from '../support/faults/faults.ts'
import { createMemoryLog } from './memory-log.ts'
import { going, startPipeline, streamRecord, uploadRecord } from './pipeline.ts'

const pipeline = await startPipeline(t)
const { aws, store } = pipeline
const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
const clients = createLocalClients({ ...aws.endpoints, dynamodb: proxy.url })
t.teardown(() => clients.destroy())
const through = createUploadStore({ dynamodb: clients.dynamodb, table: names.uploadsTable })
const writes = operation('UpdateItem')

/** Creates a transform that copies its input and ends when the gate opens. */
function slow(gate: Promise<void>): Transform {
  return {
    name: 'slow',
    version: '1',
    accepts: () => true,
    apply: body => ({
      contentType: 'text/plain',
      body: (async function* () {
        yield* body
        await gate
      })(),
    }),
  }
}

t.test('a quick upload takes one write of its record and no read', async t => {
  const upload = await pipeline.upload('hello')
  const before = proxy.count()
  await pipeline.processor({ store: through, markProcessingAfterMs: 60_000 }).process(streamRecord(upload), going)
  t.equal(proxy.count() - before, 1)
  t.match(await store.get(upload), { status: 'processed' })
})

t.test('an upload that takes longer is marked as processing, with one further write', async t => {
  const upload = await pipeline.upload('hello')
  const before = proxy.count()
  const { promise, resolve } = Promise.withResolvers<void>()
  const processor = pipeline.processor({ store: through, transforms: [slow(promise)], markProcessingAfterMs: 1 })
  const processing = processor.process(streamRecord(upload), going)
  while ((await store.get(upload))?.status !== 'processing') await wait(5)
  resolve()
  await processing
  t.match(await store.get(upload), { status: 'processed' })
  t.equal(proxy.count() - before, 2)
})

t.test('markProcessing removes the upload from the outbox, and does not change a failed upload', async t => {
  const upload = await pipeline.upload('hello')
  await store.markProcessing(upload, upload)
  t.equal(await store.claimOutbox(upload, { now: 1, until: 2 }), false)
  await store.markQueued(upload)
  t.match(await store.get(upload), { status: 'processing' }, 'a late write of the api does not change it back')
  await store.markFailed(upload, upload, { code: 'X', reason: 'No.' })
  await store.markProcessing(upload, upload)
  t.match(await store.get(upload), { status: 'failed' })
  await store.markProcessing(upload, { bucket: upload.bucket, key: 'uploads/another' })
  await store.markProcessing(upload, { bucket: upload.bucket, key: '\ud800' })
  const never = uploadRecord()
  await store.markProcessing(never, never)
  t.equal(await store.get(never), undefined, 'no record is created')
})

t.test('a table that rejects the mark or hangs does not delay an upload', async t => {
  const { log, lines } = createMemoryLog()
  for (const [name, fault] of Object.entries({ refuses: throttled('dynamodb'), hangs: silence })) {
    const upload = await pipeline.upload('hello')
    const injected = proxy.inject(fault, { when: writes })
    const whileMarked = createRunMarked({ store: through, afterMs: 1, log })
    const done = await whileMarked(upload, upload, async () => {
      await injected.reached(1)
      return name
    })
    injected.remove()
    t.equal(done, name)
    t.match(await store.get(upload), { status: 'stored' })
  }
  t.strictSame(lines, [], 'an aborted mark is not logged as a failure')
})

t.test('a failed mark is logged, and the work continues', async t => {
  const { log, lines } = createMemoryLog()
  const failing = { markProcessing: () => Promise.reject(new Error('no answer')) }
  const upload = uploadRecord()
  const whileMarked = createRunMarked({ store: failing, afterMs: 1, log })
  await whileMarked(upload, upload, async () => {
    while (lines.length === 0) await wait(5)
  })
  t.match(lines, [{ level: 'warn', uploadId: upload.uploadId, err: { message: 'no answer' } }])
})

t.test('an attempt that is retried is recorded with its reason, from the third on', async t => {
  const upload = await pipeline.upload('hello')
  let isBroken = true
  const flaky: Transform = {
    name: 'flaky',
    version: '1',
    accepts: () => true,
    apply: body => {
      if (isBroken) throw new Error('the service does not respond', { cause: new Error('connection refused') })
      return { contentType: 'text/plain', body }
    },
  }
  const processor = pipeline.processor({ store: through, transforms: [flaky], markProcessingAfterMs: 60_000 })
  const attempt = (number: number) =>
    processor.process(streamRecord(upload), { ...going, attempt: number, workerId: 'w' })
  for (const number of [1, 2]) await t.rejects(attempt(number))
  t.match(await store.get(upload), { status: 'stored', trail: undefined }, 'most failures are over soon')
  for (const number of [3, 4]) await t.rejects(attempt(number))
  const error = 'the service does not respond, because of: connection refused'
  t.match(await store.get(upload), { status: 'processing', trail: { attempt: 4, workerId: 'w', error } })
  isBroken = false
  await attempt(5)
  const done = await store.get(upload)
  t.match(done, { status: 'processed', trail: { attempt: 5 } })
  t.notOk(done && 'trail' in done && done.trail?.error, 'the end removes the reason')
})

t.test('an error of the work is thrown, and without a record nothing is marked', async t => {
  const { log } = createMemoryLog()
  const marked: unknown[] = []
  const counting = { markProcessing: async (key: unknown) => void marked.push(key) }
  const whileMarked = createRunMarked({ store: counting, afterMs: 1, log })
  const source = uploadRecord()
  await t.rejects(
    whileMarked(source, source, () => Promise.reject(new Error('mine'))),
    { message: 'mine' },
  )
  t.equal(await whileMarked(undefined, source, () => wait(20, 'done')), 'done')
  t.strictSame(marked, [])
})
