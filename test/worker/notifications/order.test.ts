import t from 'tap'
import { notificationId } from '../../../services/uploads/notifications/owed.ts'
import type { UploadRecord } from '../../../services/uploads/records/record.ts'
import { TransformError } from '../../../services/worker/errors.ts'
import { ruleOf } from '../../../services/worker/transforms/rules/rules.ts'
import { going, type Pipeline, startPipeline, streamRecord } from '../pipeline.ts'
import { accept, destinationOf, hang, notifying, owedAttributes, startReceiver, status } from './world.ts'

const MINUTE = 60_000

const refusing = ruleOf({
  name: 'refusing',
  version: '1',
  // biome-ignore lint/correctness/useYield: it refuses before its first output.
  async *apply() {
    throw new TransformError('No text.')
  },
})

type World = ReturnType<typeof notifying>

/** Lets an upload fail, redrives it, and lets it be processed. `notifier` sends a notification of each end. */
async function failAndRedrive(pipeline: Pipeline, { notifier }: Pick<World, 'notifier'>): Promise<UploadRecord> {
  const upload = await pipeline.upload('hello')
  await pipeline.processor({ notifier, rules: [refusing] }).process(streamRecord(upload), going)
  await notifier.drain(10_000)
  const failed = await pipeline.store.get(upload)
  if (failed?.status !== 'failed') throw new Error(`The upload is ${failed?.status}.`)
  await pipeline.store.markRedriven(failed)
  await pipeline.processor({ notifier }).process(streamRecord(upload), going)
  await notifier.drain(10_000)
  return upload
}

t.test('after a redrive, the notification of the second end waits for that of the first', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  server.answer(status(500))
  const world = notifying(pipeline, [destinationOf('crm', server.url)])
  const upload = await failAndRedrive(pipeline, world)
  t.strictSame(
    server.seen.map(({ type }) => type),
    ['upload.failed'],
    'the worker does not send the second one while the first is owed',
  )
  t.match(await pipeline.store.get(upload), { status: 'processed', failure: undefined })
  server.answer(accept)
  world.clock.advance(MINUTE)
  t.equal(await world.relay.runOnce(), 1)
  t.match(server.accepted, [
    { type: 'upload.failed', data: { status: 'failed', failure: { reason: 'No text.' } } },
    { type: 'upload.processed', data: { status: 'processed', outputs: [{ name: 'main' }] } },
  ])
  t.notOk('failure' in (server.accepted[1]?.data ?? {}))
  t.not(server.accepted[0]?.id, server.accepted[1]?.id, 'a redrive gives a new notification')
  t.strictSame(await owedAttributes(pipeline, upload), {})
})

t.test('a redriven upload gives two notifications in order if the receiver accepts both at once', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  const upload = await failAndRedrive(pipeline, notifying(pipeline, [destinationOf('crm', server.url)]))
  t.strictSame(
    server.accepted.map(({ type }) => type),
    ['upload.failed', 'upload.processed'],
  )
  t.strictSame(await owedAttributes(pipeline, upload), {})
})

t.test('while a destination refuses the first notification, another one gets both', async t => {
  const pipeline = await startPipeline(t)
  const [refuser, healthy] = [await startReceiver(t), await startReceiver(t)]
  refuser.answer(status(500))
  const destinations = [destinationOf('refuser', refuser.url), destinationOf('healthy', healthy.url)]
  const world = notifying(pipeline, destinations)
  const upload = await failAndRedrive(pipeline, world)
  world.clock.advance(MINUTE)
  await world.relay.runOnce()
  t.strictSame(
    healthy.accepted.map(({ type }) => type),
    ['upload.failed', 'upload.processed'],
  )
  t.strictSame([...new Set(refuser.seen.map(({ type }) => type))], ['upload.failed'])
  const owed = await owedAttributes(pipeline, upload)
  const lists = Object.values(owed).flatMap(({ M }) => (M ? [Object.keys(M.d?.M ?? {})] : []))
  t.strictSame(lists, [['refuser'], ['refuser']])
  refuser.answer(accept)
  world.clock.advance(10 * MINUTE)
  await world.relay.runOnce()
  t.strictSame(
    refuser.accepted.map(({ type }) => type),
    ['upload.failed', 'upload.processed'],
  )
  t.strictSame(await owedAttributes(pipeline, upload), {})
})

t.test('a notification that becomes owed while the relay sends an earlier one is kept', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  await server.die()
  const world = notifying(pipeline, [destinationOf('crm', server.url)])
  const { notifier } = world
  const upload = await pipeline.upload('hello')
  await pipeline.processor({ notifier, rules: [refusing] }).process(streamRecord(upload), going)
  await notifier.drain(10_000)
  // The receiver has a new address. The second end comes while the relay waits for the answer to the first one.
  const moved = await startReceiver(t)
  moved.answer(async (...exchange) => {
    const failed = await pipeline.store.get(upload)
    if (failed?.status === 'failed') {
      await pipeline.store.markRedriven(failed)
      await pipeline.processor({ notifier: late.notifier }).process(streamRecord(upload), going)
      await late.notifier.drain(10_000)
    }
    accept(...exchange)
  })
  const late = notifying(pipeline, [destinationOf('crm', moved.url, { timeoutMs: 15_000 })], { clock: world.clock })
  world.clock.advance(MINUTE)
  t.equal(await late.relay.runOnce(), 1)
  t.strictSame(
    moved.accepted.map(({ type }) => type),
    ['upload.failed'],
  )
  const { notifyAt, notifyPartition, ...owed } = await owedAttributes(pipeline, upload)
  t.ok(notifyAt && notifyPartition)
  t.strictSame(
    Object.values(owed)
      .map(({ M }) => [M?.t?.S, Object.keys(M?.d?.M ?? {})])
      .sort(),
    [
      ['f', []],
      ['p', ['crm']],
    ],
  )
  world.clock.advance(MINUTE)
  t.equal(await late.relay.runOnce(), 1)
  t.strictSame(
    moved.accepted.map(({ type }) => type),
    ['upload.failed', 'upload.processed'],
  )
  t.strictSame(await owedAttributes(pipeline, upload), {})
})

t.test('two relays at once send each notification once', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  server.answer(status(503))
  const breaker = { failures: Number.POSITIVE_INFINITY }
  const first = notifying(pipeline, [destinationOf('crm', server.url)], { breaker })
  const second = notifying(pipeline, [destinationOf('crm', server.url)], { breaker, clock: first.clock })
  const processor = pipeline.processor({ notifier: first.notifier })
  const uploads = await Promise.all(Array.from({ length: 60 }, () => pipeline.upload('hello')))
  await Promise.all(uploads.map(upload => processor.process(streamRecord(upload), going)))
  await first.notifier.drain(20_000)
  server.answer(accept)
  first.clock.advance(MINUTE)
  const [one, other] = await Promise.all([first.relay.runOnce(), second.relay.runOnce()])
  t.equal(one + other, uploads.length)
  t.equal(server.accepted.length, uploads.length)
  t.equal(new Set(server.accepted.map(({ id }) => id)).size, uploads.length)
  for (const upload of uploads) t.strictSame(await owedAttributes(pipeline, upload), {})
})

t.test('the breaker of a destination spares the others the wait for its time-outs', async t => {
  const pipeline = await startPipeline(t)
  const [dead, healthy] = [await startReceiver(t), await startReceiver(t)]
  dead.answer(hang)
  const destinations = [destinationOf('dead', dead.url, { timeoutMs: 300 }), destinationOf('healthy', healthy.url)]
  const world = notifying(pipeline, destinations, { breaker: { failures: 5, openMs: 60_000 } })
  const processor = pipeline.processor({ notifier: world.notifier })
  const uploads = await Promise.all(Array.from({ length: 60 }, () => pipeline.upload('hello')))
  await Promise.all(uploads.map(upload => processor.process(streamRecord(upload), going)))
  await world.notifier.drain(20_000)
  t.equal(healthy.accepted.length, uploads.length)
  const before = dead.seen.length
  t.ok(before >= 5 && before <= 32, `${before} attempts before the breaker opened`)
  world.clock.advance(10 * MINUTE)
  const began = performance.now()
  t.equal(await world.relay.runOnce(), uploads.length)
  t.ok(performance.now() - began < 10_000)
  t.equal(dead.seen.length, before, 'nothing is sent while the breaker is open')
  const owed = await owedAttributes(pipeline, uploads[59] ?? uploads[0] ?? (await pipeline.upload('')))
  t.ok(Number(owed.notifyAt?.N) > world.clock.now(), 'and the next attempt is due later')
})

t.test('Retry-After of a receiver holds back all notifications for this destination, and no others', async t => {
  const pipeline = await startPipeline(t)
  const [busy, other] = [await startReceiver(t), await startReceiver(t)]
  busy.answer(status(429, { 'retry-after': '3600' }))
  const world = notifying(pipeline, [destinationOf('busy', busy.url), destinationOf('other', other.url)])
  const processor = pipeline.processor({ notifier: world.notifier })
  const uploads = await Promise.all(Array.from({ length: 3 }, () => pipeline.upload('hello')))
  for (const upload of uploads) {
    await processor.process(streamRecord(upload), going)
    await world.notifier.drain(20_000)
  }
  t.equal(busy.seen.length, 1, 'the later ones are not sent')
  t.equal(other.accepted.length, 3)
  world.clock.advance(MINUTE)
  await world.relay.runOnce()
  t.equal(busy.seen.length, 1, 'the relay of the process does not send them either')
  for (const upload of uploads) {
    const dueInMs = Number((await owedAttributes(pipeline, upload)).notifyAt?.N) - world.clock.now()
    t.ok(dueInMs > 30 * MINUTE, `the next attempt is due in ${dueInMs} ms`)
  }
})

t.test('an upload that is processed again after a crash gives the same id', t => {
  const upload = { owner: 'owner-1', uploadId: 'upload-1' }
  const record = { sequenceNumber: '49590338271490256608559692538361571095921575989136588899' }
  const id = notificationId(upload, 'upload.processed', record)
  t.match(id, /^msg_[\w-]{22}$/)
  t.equal(id, notificationId({ ...upload }, 'upload.processed', { ...record }))
  const others = [
    notificationId(upload, 'upload.failed', record),
    notificationId({ ...upload, uploadId: 'upload-2' }, 'upload.processed', record),
    notificationId({ ...upload, owner: 'owner-2' }, 'upload.processed', record),
    notificationId(upload, 'upload.processed', { sequenceNumber: '1' }),
    notificationId(upload, 'upload.processed', { ...record, subSequenceNumber: 1 }),
  ]
  t.equal(new Set([id, ...others]).size, 6)
  t.end()
})
