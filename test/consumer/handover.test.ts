import { setTimeout as pass } from 'node:timers/promises'
import t from 'tap'
import type { ConsumerEvents, KinesisConsumer } from '../../services/consumer/index.ts'
import { collector, readRow, shardsOf, startStream, textOf, whenever } from './support.ts'

const numbered = (count: number, keys: number) =>
  Array.from({ length: count }, (_, i) => ({ key: `key-${i % keys}`, data: `${i % keys}:${i}` }))

/** The reasons for which a worker has lost leases so far. */
function lossesOf(consumer: KinesisConsumer): string[] {
  const reasons: string[] = []
  consumer.events.on('leaseLost', ({ reason }: ConsumerEvents['leaseLost'][0]) => reasons.push(reason))
  return reasons
}

t.test('a new worker receives its share of leases, and no record is handled twice', async t => {
  const stream = await startStream(t, { shards: 4 })
  const { handler, records, texts, until } = collector()
  const sent = numbered(200, 20)
  await stream.put(sent)
  const a = stream.consumer({
    handler: async record => {
      await pass(5) // A record is always in flight.
      await handler(record)
    },
  })
  const losses = lossesOf(a)
  await a.start()
  await until(() => records.length >= 40)
  const b = stream.consumer({ handler })
  await b.start()
  await whenever([a, b], () => shardsOf(a).length === 2 && shardsOf(b).length === 2)
  await stream.put(numbered(100, 20).map(({ key, data }) => ({ key, data: `more:${data}` })))
  await until(() => new Set(texts()).size === 300)
  t.same(losses, ['released', 'released'], 'they were given, not taken')
  t.equal(records.length, 300, 'no record came twice')
})

t.test('a handover waits for the running handler, and the new worker continues after it', async t => {
  const stream = await startStream(t, { shards: 2 })
  const running = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const first = collector()
  const a = stream.consumer({
    handler: async record => {
      running.resolve()
      await finish.promise
      await first.handler(record)
    },
    concurrency: 1,
    failoverMs: 20_000,
  })
  await stream.put(Array.from({ length: 20 }, (_, i) => ({ key: `key-${i}`, data: `${i}` })))
  await a.start()
  await running.promise
  await whenever([a], () => shardsOf(a).length === 2)
  const second = collector()
  const b = stream.consumer({ handler: second.handler, failoverMs: 20_000 })
  await b.start()
  await pass(500)
  t.same(shardsOf(b), [], 'it has asked, and waits')
  finish.resolve()
  await whenever([b], () => shardsOf(b).length === 1)
  await second.until(() => first.records.length + second.records.length >= 20)
  const all = [...first.records, ...second.records].map(textOf)
  t.equal(new Set(all).size, 20)
  t.equal(all.length, 20, 'no record came twice')
})

t.test('an owner that does not answer a request loses the lease after the failover time', async t => {
  const stream = await startStream(t, { shards: 2 })
  const { handler } = collector()
  // Scans the table so rarely that it never sees the request. It keeps renewing, like KCL.
  const failoverMs = 2_000
  const deaf = stream.consumer({ handler, failoverMs, scanIntervalMs: 60_000 })
  const losses = lossesOf(deaf)
  await deaf.start()
  await whenever([deaf], () => shardsOf(deaf).length === 2)
  const b = stream.consumer({ handler, failoverMs })
  await b.start()
  await whenever([b, deaf], () => shardsOf(b).length === 1 && shardsOf(deaf).length === 1)
  t.same(losses, ['taken by another worker'])
})

t.test('the owner of a deleted row writes it again with its progress', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { handler, texts, until } = collector()
  const consumer = stream.consumer({ handler, scanIntervalMs: 200 })
  await stream.put(numbered(10, 2))
  await consumer.start()
  await until(() => texts().length === 10)
  await stream.deleteRow('shardId-000000000000')
  await stream.put([{ key: 'a', data: 'later' }])
  await until(() => texts().includes('later'))
  await consumer.stop()
  t.equal(texts().length, 11, 'nothing came twice')
  t.ok(await readRow(stream.dynamodb, 'shardId-000000000000'))
})
