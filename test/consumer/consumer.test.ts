import { setTimeout as pass } from 'node:timers/promises'
import t from 'tap'
import { collector, shardsOf, startStream, whenever } from './support.ts'

const numbered = (count: number, keys: number) =>
  Array.from({ length: count }, (_, i) => ({ key: `key-${i % keys}`, data: `${i % keys}:${i}` }))

t.test('one worker handles every record of every shard, in order within a key', async t => {
  const stream = await startStream(t, { shards: 4 })
  const { handler, records, texts, until } = collector()
  const sent = numbered(400, 20)
  await stream.put(sent)
  await stream.consumer({ handler }).start()
  await until(() => records.length >= sent.length)

  const ofKey = (all: string[], key: number) => all.filter(text => text.startsWith(`${key}:`))
  const expected = sent.map(record => record.data)
  t.equal(records.length, sent.length)
  t.equal(new Set(records.map(record => record.shardId)).size, 4)
  for (let key = 0; key < 20; key++) t.same(ofKey(texts(), key), ofKey(expected, key))
})

t.test('a restarted worker continues after its checkpoint', async t => {
  const stream = await startStream(t, { shards: 1 })
  const first = collector()
  await stream.put(numbered(30, 3))
  const before = stream.consumer({ handler: first.handler })
  await before.start()
  await first.until(() => first.records.length >= 30)
  await before.stop()

  await stream.put([{ key: 'later', data: 'later' }])
  const second = collector()
  await stream.consumer({ handler: second.handler }).start()
  await second.until(() => second.texts().includes('later'))
  t.same(second.texts(), ['later'])
})

t.test('an application that starts at LATEST receives only later records', async t => {
  const stream = await startStream(t, { shards: 1 })
  await stream.put([{ key: 'a', data: 'before' }])
  await pass(5) // Kinesis has times in milliseconds.
  const { handler, texts, until } = collector()
  const consumer = stream.consumer({ handler, initialPosition: 'LATEST' })
  await consumer.start()
  await whenever([consumer], () => shardsOf(consumer).length === 1)
  await stream.put([{ key: 'a', data: 'after' }])
  await until(() => texts().includes('after'))
  t.same(texts(), ['after'])
})

t.test('a new worker gets its share, and in a stable fleet no lease moves', async t => {
  const stream = await startStream(t, { shards: 4 })
  const { handler } = collector()
  const [a, b] = [stream.consumer({ handler }), stream.consumer({ handler })]
  await a.start()
  await whenever([a], () => shardsOf(a).length === 4)
  await b.start()
  await whenever([a, b], () => shardsOf(a).length === 2 && shardsOf(b).length === 2)
  t.equal(new Set([...shardsOf(a), ...shardsOf(b)]).size, 4)

  let moves = 0
  for (const { events } of [a, b]) events.on('leaseAcquired', () => moves++).on('leaseLost', () => moves++)
  await pass(2_000)
  t.equal(moves, 0, 'however often they look at the table')
})

t.test('a stopping worker releases its leases, and the others take them at once', async t => {
  const stream = await startStream(t, { shards: 4 })
  const { handler } = collector()
  const failoverMs = 60_000
  const [a, b] = [stream.consumer({ handler, failoverMs }), stream.consumer({ handler, failoverMs })]
  await Promise.all([a.start(), b.start()])
  await whenever([a, b], () => shardsOf(a).length === 2 && shardsOf(b).length === 2)
  await a.stop()
  await whenever([b], () => shardsOf(b).length === 4)
  t.same(shardsOf(a), [], 'long before the failover time')
})

t.test('a stop waits for running handlers, and their records are not handled again', async t => {
  const stream = await startStream(t, { shards: 1 })
  const running = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const handled: string[] = []
  const slow = stream.consumer({
    handler: async record => {
      running.resolve()
      await finish.promise
      handled.push(record.sequenceNumber)
    },
    concurrency: 1,
  })
  await stream.put(numbered(3, 1))
  await slow.start()
  await running.promise
  const stopping = slow.stop()
  finish.resolve()
  await stopping
  t.equal(handled.length, 1, 'no further record was started')

  const rest = collector()
  await stream.consumer({ handler: rest.handler }).start()
  await rest.until(() => rest.records.length >= 2)
  t.same(rest.texts(), ['0:1', '0:2'])
})

t.test(
  'a stop ends after its timeout, fires the signal of the handler, and leaves its record for the next worker',
  async t => {
    const stream = await startStream(t, { shards: 1 })
    const running = Promise.withResolvers<AbortSignal>()
    const stuck = stream.consumer({
      handler: (_, { signal }) => {
        running.resolve(signal)
        return new Promise(() => undefined)
      },
      drainTimeoutMs: 100,
    })
    await stream.put(numbered(1, 1))
    await stuck.start()
    const signal = await running.promise
    await stuck.stop()
    t.ok(signal.aborted)

    const rest = collector()
    await stream.consumer({ handler: rest.handler }).start()
    await rest.until(() => rest.records.length >= 1)
    t.same(rest.texts(), ['0:0'])
  },
)
