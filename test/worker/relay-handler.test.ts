import t from 'tap'
import { createRelayHandler } from '../../services/worker/relay-handler.ts'

const context = (remainingMs: number) => ({ getRemainingTimeInMillis: () => remainingMs })

t.test('a call is one pass, and tells what it had to leave', async t => {
  const told: number[] = []
  const handler = createRelayHandler({
    createRelay: () => ({ runOnce: async () => 3, stop: async () => undefined, oldestMs: () => 7_000 }),
    onPass: oldestMs => told.push(oldestMs),
  })
  t.strictSame(await handler({}, context(300_000)), { published: 3 })
  t.strictSame(told, [7_000])
})

t.test('a pass with errors rejects, and what it left is told all the same, where that is known', async t => {
  const told: number[] = []
  const failing = (oldestMs: number | undefined) =>
    createRelayHandler({
      createRelay: () => ({
        runOnce: () => Promise.reject(new Error('no stream')),
        stop: async () => undefined,
        oldestMs: () => oldestMs,
      }),
      onPass: oldest => told.push(oldest),
    })
  await t.rejects(failing(9_000)({}, context(300_000)), { message: 'no stream' })
  await t.rejects(failing(undefined)({}, context(300_000)), { message: 'no stream' })
  t.strictSame(told, [9_000])
})

t.test('a pass that would not end in time begins nothing more', async t => {
  const { promise: stopped, resolve } = Promise.withResolvers<void>()
  const handler = createRelayHandler({
    createRelay: () => ({
      runOnce: () => stopped.then(() => 1),
      stop: async () => resolve(),
      oldestMs: () => 0,
    }),
    onPass: () => undefined,
  })
  t.strictSame(await handler({}, context(20_010)), { published: 1 })
})
