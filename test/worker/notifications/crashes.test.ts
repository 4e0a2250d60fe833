import t from 'tap'
import type { Notification } from '../../../services/uploads/notifications/notification.ts'
import type { UploadRecord } from '../../../services/uploads/records/record.ts'
import { TransformError } from '../../../services/worker/errors.ts'
import { createNotificationDeadLetters } from '../../../services/worker/notifications/dead-letters.ts'
import type { Destination } from '../../../services/worker/notifications/destination.ts'
import type { StreamRecord } from '../../../services/worker/stream-record.ts'
import { ruleOf } from '../../../services/worker/transforms/rules/rules.ts'
import { going, type Pipeline, startPipeline, streamRecord } from '../pipeline.ts'
import {
  type Answer,
  accept,
  type Clock,
  createClock,
  destinationOf,
  lettersOf,
  notificationStore,
  notifying,
  owedAttributes,
  type ReceiverServer,
  startReceiver,
  status,
} from './world.ts'

const MINUTE = 60_000

const refusing = ruleOf({
  name: 'refusing',
  version: '1',
  // biome-ignore lint/correctness/useYield: it refuses before its first output.
  async *apply() {
    throw new TransformError('No text.')
  },
})

/**
 * The life of a process, which ends at the `last` step. Each call to another service has two steps: before it is made, and after it was
 * made, when only the answer is lost. A dead process does nothing more, so its calls never settle.
 */
function createLife(last: number) {
  let steps = 0
  const died = Promise.withResolvers<void>()
  const never = new Promise<never>(() => undefined)
  async function step(): Promise<void> {
    steps++
    if (steps >= last) {
      died.resolve()
      await never
    }
  }
  return {
    died: died.promise,
    isDead: () => steps >= last,
    /** Returns an object whose asynchronous methods are calls of this life. */
    calls<T extends object>(target: T, names: readonly (keyof T)[]): T {
      const wrapped = { ...target }
      for (const name of names) {
        const method = target[name] as (...args: unknown[]) => Promise<unknown>
        Reflect.set(wrapped, name, async (...args: unknown[]) => {
          await step()
          const result = await method(...args)
          await step()
          return result
        })
      }
      return wrapped
    },
  }
}

interface Scene {
  pipeline: Pipeline
  clock: Clock
  servers: ReceiverServer[]
}

/** A process that dies at a step. */
function processOf({ pipeline, clock, servers }: Scene, life: ReturnType<typeof createLife>) {
  const { s3 } = pipeline.aws
  const bucket = 'headgate-processed'
  const destinations = servers.map(
    ({ url }, index): Destination => life.calls(destinationOf(`destination-${index}`, url), ['send']),
  )
  const store = life.calls(notificationStore(pipeline), ['listOwing', 'claim', 'settle'])
  const deadLetters = life.calls(createNotificationDeadLetters({ s3, bucket }), ['write'])
  const breaker = { failures: Number.POSITIVE_INFINITY }
  const world = notifying(pipeline, destinations, { clock, store, deadLetters, breaker })
  const uploads = life.calls(pipeline.store, ['markProcessed', 'markFailed'])
  return {
    ...world,
    /** Processes a record and sends its notification, until both are done or the process is dead. */
    async process(record: StreamRecord, isRefused = false): Promise<void> {
      const rules = isRefused ? { rules: [refusing] } : {}
      const processor = pipeline.processor({ ...rules, notifier: world.notifier, store: uploads })
      const done = async () => {
        await processor.process(record, going)
        await world.notifier.drain(60_000)
      }
      await Promise.race([done(), life.died])
    },
    async relayOnce(): Promise<void> {
      await Promise.race([world.relay.runOnce(), life.died])
    },
  }
}

/** Runs relays of other processes until nothing is owed. */
async function settleAll(scene: Scene, upload: UploadRecord): Promise<void> {
  const survivor = processOf(scene, createLife(Number.POSITIVE_INFINITY))
  for (let pass = 0; pass < 40; pass++) {
    if (Object.keys(await owedAttributes(scene.pipeline, upload)).length === 0) return
    scene.clock.advance(2 * MINUTE)
    await survivor.relayOnce()
  }
  throw new Error('Something is still owed.')
}

const of = (notifications: Notification[], { uploadId }: UploadRecord) =>
  notifications.filter(({ data }) => data.uploadId === uploadId)

/** Returns the ids in the order in which they came first. */
const firsts = (notifications: Notification[]) => [...new Set(notifications.map(({ id }) => id))]

t.test('a worker that dies at any step loses no notification, and each is sent with one id', async t => {
  const pipeline = await startPipeline(t)
  const scene = { pipeline, clock: createClock(), servers: [await startReceiver(t), await startReceiver(t)] }
  for (let last = 1; ; last++) {
    const upload = await pipeline.upload('hello')
    const record = streamRecord(upload)
    const life = createLife(last)
    await processOf(scene, life).process(record)
    const isOver = !life.isDead()
    // Kinesis delivers the record again, unless its worker had finished it. Here it does in any case.
    if (!isOver) await processOf(scene, createLife(Number.POSITIVE_INFINITY)).process(record)
    await settleAll(scene, upload)
    for (const { accepted } of scene.servers) {
      const got = of(accepted, upload)
      if (got.length === 0) t.fail(`step ${last}: nothing was sent`)
      if (firsts(got).length !== 1) t.fail(`step ${last}: ${firsts(got).length} ids`)
      if (isOver) t.equal(got.length, 1, 'a process that lives sends it once')
    }
    t.match(await pipeline.store.get(upload), { status: 'processed' })
    if (isOver) {
      t.ok(last > 8, `a worker that lives takes ${last - 1} steps`)
      break
    }
  }
})

t.test('a relay that dies at any step loses no notification of a redriven upload, and keeps their order', async t => {
  const pipeline = await startPipeline(t)
  const scene = { pipeline, clock: createClock(), servers: [await startReceiver(t), await startReceiver(t)] }
  const answerAll = (how: Answer) => {
    for (const server of scene.servers) server.answer(how)
  }
  for (let last = 1; ; last++) {
    const upload = await pipeline.upload('hello')
    answerAll(status(503))
    const first = processOf(scene, createLife(Number.POSITIVE_INFINITY))
    await first.process(streamRecord(upload), true)
    const failed = await pipeline.store.get(upload)
    if (failed?.status !== 'failed') throw new Error(`The upload is ${failed?.status}.`)
    await pipeline.store.markRedriven(failed)
    await first.process(streamRecord(upload))
    answerAll(accept)
    scene.clock.advance(2 * MINUTE)
    const life = createLife(last)
    await processOf(scene, life).relayOnce()
    const isOver = !life.isDead()
    await settleAll(scene, upload)
    for (const { accepted } of scene.servers) {
      const got = of(accepted, upload)
      const ids = firsts(got)
      const types = ids.map(id => got.find(one => one.id === id)?.type)
      if (String(types) !== 'upload.failed,upload.processed') t.fail(`step ${last}: ${types}`)
      if (isOver) t.equal(got.length, 2, 'a relay that lives sends each once')
    }
    if (isOver) {
      t.ok(last > 8, `a relay that lives takes ${last - 1} steps`)
      break
    }
  }
})

t.test('a process that dies at any step while it gives a notification up leaves a dead letter', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  server.answer(status(410))
  const scene = { pipeline, clock: createClock(), servers: [server] }
  const deadLetters = createNotificationDeadLetters({ s3: pipeline.aws.s3, bucket: 'headgate-processed' })
  for (let last = 1; ; last++) {
    const upload = await pipeline.upload('hello')
    const life = createLife(last)
    await processOf(scene, life).process(streamRecord(upload))
    const isOver = !life.isDead()
    if (!isOver && (await pipeline.store.get(upload))?.status !== 'processed') continue
    await settleAll(scene, upload)
    const letters = (await lettersOf(deadLetters)).filter(
      ({ notification }) => notification.data.uploadId === upload.uploadId,
    )
    if (letters.length !== 1) t.fail(`step ${last}: ${letters.length} dead letters`)
    if (isOver) {
      t.ok(last > 6)
      break
    }
  }
})

t.test('a repeated write of the status makes the notification owed once', async t => {
  const pipeline = await startPipeline(t)
  const server = await startReceiver(t)
  server.answer(status(503))
  const world = notifying(pipeline, [destinationOf('crm', server.url)])
  const upload = await pipeline.upload('hello')
  const record = streamRecord(upload)
  for (const _time of [1, 2, 3]) {
    await pipeline.processor({ notifier: world.notifier }).process(record, going)
    await world.notifier.drain(10_000)
  }
  const { notifyAt, notifyPartition, ...owed } = await owedAttributes(pipeline, upload)
  t.ok(notifyAt && notifyPartition)
  t.equal(Object.keys(owed).length, 1)
  server.answer(accept)
  world.clock.advance(MINUTE)
  t.equal(await world.relay.runOnce(), 1)
  t.equal(server.accepted.length, 1)
  t.strictSame(await owedAttributes(pipeline, upload), {})
})
