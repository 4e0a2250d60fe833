import t from 'tap'
import { TransformError } from '../../../services/worker/errors.ts'
import { ruleOf } from '../../../services/worker/transforms/rules/rules.ts'
import { deadLetterOf, going, startPipeline, streamRecord } from '../pipeline.ts'
import {
  accept,
  destinationOf,
  hang,
  lettersOf,
  notificationStore,
  notifying,
  owedAttributes,
  startReceiver,
  status,
} from './world.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const refusing = ruleOf({
  name: 'refusing',
  version: '1',
  // biome-ignore lint/correctness/useYield: it refuses before its first output.
  async *apply() {
    throw new TransformError('No text.')
  },
})

t.test('a processed upload is notified of with its outputs, and nothing is owed afterwards', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  const { notifier, counted } = notifying(pipeline, [destinationOf('crm', server.url)])
  const upload = await pipeline.upload('hello')
  await pipeline.processor({ notifier }).process(streamRecord(upload), going)
  await notifier.drain(10_000)
  const record = await pipeline.store.get(upload)
  t.strictSame(server.accepted, [
    {
      id: server.accepted[0]?.id,
      type: 'upload.processed',
      timestamp: server.accepted[0]?.timestamp,
      data: {
        version: '1',
        owner: upload.owner,
        uploadId: upload.uploadId,
        status: 'processed',
        filename: 'demo.txt',
        contentType: 'text/plain',
        size: 13,
        sha256: upload.sha256,
        uploadedAt: upload.uploadedAt,
        bucket: upload.bucket,
        key: upload.key,
        outputs: [
          {
            name: 'main',
            contentType: record?.outputs?.[0]?.contentType,
            size: 5,
            ...record?.processed,
          },
        ],
        transform: record?.transform,
      },
    },
  ])
  t.match(server.accepted[0]?.id, /^msg_[\w-]{22}$/)
  t.ok(Math.abs(Date.parse(server.accepted[0]?.timestamp ?? '') - Date.now()) < MINUTE)
  t.strictSame(await owedAttributes(pipeline, upload), {})
  t.strictSame(counted, ['crm sent'])
})

t.test('a failed upload is notified of with its failure', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  const { notifier } = notifying(pipeline, [destinationOf('crm', server.url)])
  const upload = await pipeline.upload('hello')
  const record = streamRecord(upload)
  await pipeline.processor({ notifier, rules: [refusing] }).process(record, going)
  await notifier.drain(10_000)
  t.match(server.accepted, [
    {
      type: 'upload.failed',
      data: { status: 'failed', failure: { code: 'HEADGATE_TRANSFORM_REFUSED', reason: 'No text.' } },
    },
  ])
  t.notOk('outputs' in (server.accepted[0]?.data ?? {}))
  t.ok(await pipeline.read(deadLetterOf(record)), 'the upload has its own dead letter')
  t.strictSame(await owedAttributes(pipeline, upload), {})
})

t.test('the conditions of a destination decide, and nothing is written if no destination wants the upload', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  const subjects: unknown[] = []
  const wants = (subject: object) => {
    subjects.push(subject)
    return false
  }
  const { notifier } = notifying(pipeline, [destinationOf('crm', server.url, { wants })])
  const text = await pipeline.upload('hello', { contentType: 'text/plain; charset=utf-8' })
  await pipeline.processor({ notifier }).process(streamRecord(text), going)
  const refused = await pipeline.upload('hello', { detectedType: 'text/csv' })
  await pipeline.processor({ notifier, rules: [refusing] }).process(streamRecord(refused), going)
  const missing = { ...(await pipeline.upload('hello')), key: 'uploads/gone' }
  await pipeline.store.create({ ...missing, uploadId: 'gone' })
  await pipeline.processor({ notifier }).process(streamRecord({ ...missing, uploadId: 'gone' }), going)
  const owner = text.owner
  t.strictSame(subjects, [
    { type: 'upload.processed', owner, mediaType: 'text/plain', transform: 'upper-case' },
    { type: 'upload.failed', owner, mediaType: 'text/csv', transform: 'refusing' },
    { type: 'upload.failed', owner, mediaType: 'text/plain', transform: undefined },
  ])
  for (const upload of [text, refused]) t.strictSame(await owedAttributes(pipeline, upload), {})
  t.strictSame(server.seen, [])
})

t.test('a dead destination delays neither uploads nor another destination', async t => {
  const pipeline = await startPipeline(t)
  const [dead, healthy] = [await startReceiver(t), await startReceiver(t)]
  dead.answer(hang)
  const destinations = [destinationOf('dead', dead.url, { timeoutMs: 60_000 }), destinationOf('healthy', healthy.url)]
  const { notifier } = notifying(pipeline, destinations)
  const processor = pipeline.processor({ notifier })
  const uploads = await Promise.all(Array.from({ length: 40 }, () => pipeline.upload('hello')))
  await Promise.all(uploads.map(upload => processor.process(streamRecord(upload), going)))
  for (const upload of uploads) t.match(await pipeline.store.get(upload), { status: 'processed' })
  await notifier.drain(500)
  t.equal(healthy.accepted.length, uploads.length)
  t.equal(dead.seen.length, 16, 'no more than 16 attempts are in flight')
  for (const upload of uploads) {
    const { notifyPartition, notifyAt, ...owed } = await owedAttributes(pipeline, upload)
    t.ok(notifyPartition && notifyAt)
    t.strictSame(
      Object.values(owed).map(({ M }) => Object.keys(M?.d?.M ?? {})),
      [['dead']],
    )
  }
})

t.test('the queue of a destination is bounded, and the relay sends what did not fit', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  const released = Promise.withResolvers<void>()
  server.answer(async (...exchange) => {
    await released.promise
    accept(...exchange)
  })
  const { notifier, relay, clock } = notifying(pipeline, [destinationOf('crm', server.url, { timeoutMs: 20_000 })], {
    notifier: { concurrency: 1, maxWaiting: 2 },
  })
  const processor = pipeline.processor({ notifier })
  const uploads = await Promise.all(Array.from({ length: 5 }, () => pipeline.upload('hello')))
  for (const upload of uploads) await processor.process(streamRecord(upload), going)
  released.resolve()
  await notifier.drain(10_000)
  t.equal(server.accepted.length, 3)
  t.equal(await relay.runOnce(), 0, 'the relay leaves new notifications to the worker')
  clock.advance(MINUTE)
  t.equal(await relay.runOnce(), 2)
  t.strictSame(server.accepted.map(({ data }) => data.uploadId).sort(), uploads.map(({ uploadId }) => uploadId).sort())
  t.equal(relay.oldestMs(), 0)
})

t.test(
  'a refused notification is retried with growing intervals for 24 hours, and then becomes a dead letter',
  async t => {
    const pipeline = await startPipeline(t)
    const server = await startReceiver(t)
    server.answer(status(500))
    // The breaker is tested elsewhere.
    const breaker = { failures: Number.POSITIVE_INFINITY }
    const world = notifying(pipeline, [destinationOf('crm', server.url)], { breaker })
    const { notifier, relay, clock, deadLetters, counted } = world
    const upload = await pipeline.upload('hello')
    await pipeline.processor({ notifier }).process(streamRecord(upload), going)
    await notifier.drain(10_000)
    const waits: number[] = []
    for (let step = 0; step < 30 && Object.keys(await owedAttributes(pipeline, upload)).length > 0; step++) {
      const { notifyAt } = await owedAttributes(pipeline, upload)
      const waitMs = Number(notifyAt?.N) - clock.now()
      waits.push(waitMs)
      clock.advance(waitMs - 500)
      if (step < 3) t.equal(await relay.runOnce(), 0, 'not yet due')
      clock.advance(1_000)
      t.equal(await relay.runOnce(), 1)
    }
    const expected = [5, 30, 120, 600, 1_800, 3_600, 7_200, ...Array(10).fill(14_400)]
    waits.slice(0, 7).forEach((waitMs, index) => {
      const seconds = expected[index] ?? 0
      t.ok(
        waitMs > (seconds * 0.8 - 3) * 1_000 && waitMs < (seconds * 1.2 + 3) * 1_000,
        `${waitMs} ms, about ${seconds} s`,
      )
    })
    const total = waits.reduce((sum, one) => sum + one, 0)
    t.ok(Math.abs(total - 24 * HOUR) < MINUTE, `${total} ms`)
    const letter = (await lettersOf(deadLetters)).find(
      ({ notification }) => notification.data.uploadId === upload.uploadId,
    )
    t.match(letter, {
      version: 1,
      destination: 'crm',
      notification: { id: server.seen[0]?.id, type: 'upload.processed', data: { outputs: [{ name: 'main' }] } },
      error: { code: 'refused', reason: /24 hours.*answered 500/ },
      attempts: waits.length + 1,
    })
    t.equal(new Set(server.seen.map(({ id }) => id)).size, 1, 'the id stays the same')
    t.equal(server.seen.length, waits.length + 1)
    t.equal(counted.filter(one => one === 'crm dead-lettered').length, 1)
    t.strictSame(await owedAttributes(pipeline, upload), {})
  },
)

t.test('Retry-After is honoured', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  server.answer(status(429, { 'retry-after': '3600' }))
  const { notifier, clock } = notifying(pipeline, [destinationOf('crm', server.url)])
  const upload = await pipeline.upload('hello')
  await pipeline.processor({ notifier }).process(streamRecord(upload), going)
  await notifier.drain(10_000)
  // The worker has the notification until the first retry is due.
  const { notifyPartition: _p, notifyAt, ...owed } = await owedAttributes(pipeline, upload)
  const [attribute] = Object.values(owed)
  const waitMs = Number(attribute?.M?.d?.M?.crm?.L?.[1]?.N) - clock.now()
  t.ok(waitMs > HOUR - MINUTE && waitMs < HOUR + MINUTE, `${waitMs} ms`)
  t.ok(notifyAt)
})

t.test('a destination that answers 410 is given up at once', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  server.answer(status(410))
  const { notifier, deadLetters, counted } = notifying(pipeline, [destinationOf('crm', server.url)])
  const upload = await pipeline.upload('hello')
  await pipeline.processor({ notifier }).process(streamRecord(upload), going)
  await notifier.drain(10_000)
  t.strictSame(await owedAttributes(pipeline, upload), {})
  t.match(
    (await lettersOf(deadLetters)).find(({ notification }) => notification.data.uploadId === upload.uploadId),
    { error: { code: 'gone' }, attempts: 1 },
  )
  t.strictSame(counted, ['crm failed', 'crm dead-lettered'])
})

t.test('a notification for a destination that is no longer configured is given up', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  await server.die()
  const before = notifying(pipeline, [destinationOf('old', server.url)])
  const upload = await pipeline.upload('hello')
  await pipeline.processor({ notifier: before.notifier }).process(streamRecord(upload), going)
  await before.notifier.drain(10_000)
  const { relay, clock, deadLetters } = notifying(pipeline, [destinationOf('new', server.url)])
  clock.advance(MINUTE)
  await relay.runOnce()
  t.match(
    (await lettersOf(deadLetters)).find(({ notification }) => notification.data.uploadId === upload.uploadId),
    { destination: 'old', error: { code: 'not-configured' }, attempts: 1 },
  )
  t.strictSame(await owedAttributes(pipeline, upload), {})
})

t.test('a deletion ends what is owed', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  server.answer(status(503))
  const { notifier, relay, clock } = notifying(pipeline, [destinationOf('crm', server.url)])
  const upload = await pipeline.upload('hello')
  await pipeline.processor({ notifier }).process(streamRecord(upload), going)
  await notifier.drain(10_000)
  t.ok((await owedAttributes(pipeline, upload)).notifyAt)
  const deleted = await pipeline.deletions.begin(upload)
  t.notOk((await owedAttributes(pipeline, upload)).notifyAt, 'nothing is due, although the deletion is not complete')
  server.answer(accept)
  clock.advance(HOUR)
  await relay.runOnce()
  if (deleted) await pipeline.deletions.complete(deleted)
  t.strictSame(await owedAttributes(pipeline, upload), {})
  t.strictSame(server.accepted, [])
})

t.test('the record of an upload never shows what it owes', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  await server.die()
  const { notifier } = notifying(pipeline, [destinationOf('crm', server.url)])
  const upload = await pipeline.upload('hello')
  await pipeline.processor({ notifier }).process(streamRecord(upload), going)
  await notifier.drain(10_000)
  t.ok((await owedAttributes(pipeline, upload)).notifyAt)
  const names = Object.keys((await pipeline.store.get(upload)) ?? {})
  t.strictSame(
    names.filter(name => /notif/i.test(name)),
    [],
  )
  t.ok(names.includes('processed'))
})

t.test('a notification that was given up can be owed again', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  server.answer(status(410))
  const { notifier, relay, clock, deadLetters } = notifying(pipeline, [destinationOf('crm', server.url)])
  const upload = await pipeline.upload('hello')
  await pipeline.processor({ notifier, rules: [refusing] }).process(streamRecord(upload), going)
  await notifier.drain(10_000)
  const letter = (await lettersOf(deadLetters)).find(
    ({ notification }) => notification.data.uploadId === upload.uploadId,
  )
  if (!letter) throw new Error('no dead letter')
  const { notification, destination, sequenceNumber } = letter
  const again = {
    id: notification.id,
    type: notification.type,
    sequenceNumber,
    at: clock.now(),
    destinations: [destination],
    dueAt: clock.now(),
    failure: { code: 'HEADGATE_TRANSFORM_REFUSED', reason: 'No text.' },
  }
  t.equal(await notificationStore(pipeline).oweAgain(upload, again), true)
  server.answer(accept)
  clock.advance(1_000)
  t.equal(await relay.runOnce(), 1)
  t.match(server.accepted, [{ id: notification.id, data: { failure: again.failure } }])
  const gone = { owner: upload.owner, uploadId: 'never-existed' }
  t.equal(await notificationStore(pipeline).oweAgain(gone, again), false)
})
