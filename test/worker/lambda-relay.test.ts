import t from 'tap'
import { createRelayHandler } from '../../services/worker/lambda/relay-handler.ts'
import { createMemoryLog } from './memory-log.ts'
import { startPipeline, uploadRecord } from './pipeline.ts'

const { log } = createMemoryLog()

t.test('the scheduled function publishes events from the outbox, configured only by its environment', async t => {
  const { aws, store } = await startPipeline(t, { shards: 1 })
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  Object.assign(process.env, aws.env, { LOG_LEVEL: 'silent' })
  const entry = new URL('../../services/worker/lambda-relay.ts', import.meta.url).href
  const { handler }: typeof import('../../services/worker/lambda-relay.ts') = await import(entry)
  const upload = uploadRecord({ uploadedAt: new Date(Date.now() - 120_000).toISOString() })
  await store.create(upload)
  const context = { getRemainingTimeInMillis: () => 60_000 }
  t.strictSame(await handler({}, context), { published: 1 })
  t.match(await store.get(upload), { status: 'queued' })
  t.strictSame(await handler({}, context), { published: 0 })
})

t.test('the age of the oldest remaining event is reported if it is known, even if the pass fails', async t => {
  const told: number[] = []
  const failing = (oldestMs: number | undefined) =>
    createRelayHandler({
      createRelay: () => ({
        runOnce: () => Promise.reject(new Error('no stream')),
        stop: async () => undefined,
        oldestMs: () => oldestMs,
      }),
      onPass: oldest => told.push(oldest),
      log,
    })
  const context = { getRemainingTimeInMillis: () => 60_000 }
  await t.rejects(failing(9_000)({}, context), { message: 'no stream' })
  await t.rejects(failing(undefined)({}, context), { message: 'no stream' })
  t.strictSame(told, [9_000])
})

t.test(
  'shortly before its timeout the function stops the relay and returns the number of published events',
  async t => {
    const stopped = Promise.withResolvers<void>()
    const handler = createRelayHandler({
      createRelay: () => ({
        runOnce: () => stopped.promise.then(() => 7),
        async stop() {
          stopped.resolve()
        },
        oldestMs: () => 0,
      }),
      onPass: () => undefined,
      log,
    })
    t.strictSame(await handler({}, { getRemainingTimeInMillis: () => 100 }), { published: 7 })
  },
)
