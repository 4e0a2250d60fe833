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

/** Copies, and takes as long as the gate is shut. */
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

t.test('an upload that is done quickly costs the worker one write of its record, and no read', async t => {
  const upload = await pipeline.upload('hello')
  const before = proxy.count()
  await pipeline.processor({ store: through, markProcessingAfterMs: 60_000 }).process(streamRecord(upload), going)
  t.equal(proxy.count() - before, 1)
  t.match(await store.get(upload), { status: 'processed' })
})

t.test('one that takes longer shows as processing, for one write more', async t => {
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

t.test('the mark takes the upload out of the outbox, and changes nothing that is at its end', async t => {
  const upload = await pipeline.upload('hello')
  await store.markProcessing(upload, upload)
  t.equal(await store.claimOutbox(upload, { now: 1, until: 2 }), false)
  await store.markQueued(upload)
  t.match(await store.get(upload), { status: 'processing' }, 'an api that is late does not take it back')
  await store.markFailed(upload, upload, { code: 'X', reason: 'No.' })
  await store.markProcessing(upload, upload)
  t.match(await store.get(upload), { status: 'failed' })
  await store.markProcessing(upload, { bucket: upload.bucket, key: 'uploads/another' })
  await store.markProcessing(upload, { bucket: upload.bucket, key: '\ud800' })
  const never = uploadRecord()
  await store.markProcessing(never, never)
  t.equal(await store.get(never), undefined, 'and makes up no record')
})

t.test('a table that refuses the mark, or hangs, holds no upload up', async t => {
  const { log, lines } = createMemoryLog()
  for (const [name, fault] of Object.entries({ refuses: throttled('dynamodb'), hangs: silence })) {
    const upload = await pipeline.upload('hello')
    const trouble = proxy.inject(fault, { when: writes })
    const whileMarked = createRunMarked({ store: through, afterMs: 1, log })
    const done = await whileMarked(upload, upload, async () => {
      await trouble.reached(1)
      return name
    })
    trouble.remove()
    t.equal(done, name)
    t.match(await store.get(upload), { status: 'stored' })
  }
  t.strictSame(lines, [], 'what was called off is no failure')
})

t.test('a mark that fails is logged, and the work goes on', async t => {
  const { log, lines } = createMemoryLog()
  const failing = { markProcessing: () => Promise.reject(new Error('no answer')) }
  const upload = uploadRecord()
  const whileMarked = createRunMarked({ store: failing, afterMs: 1, log })
  await whileMarked(upload, upload, async () => {
    while (lines.length === 0) await wait(5)
  })
  t.match(lines, [{ level: 'warn', uploadId: upload.uploadId, err: { message: 'no answer' } }])
})

t.test('what the work throws is thrown, and where there is no record nothing is marked', async t => {
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
