import { PutRecordCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import type { ConsumerRecord } from '../../../services/consumer/index.ts'
import { aggregate } from '../../support/aggregate.ts'
import { collector, readRow, STREAM, startStream, textOf } from '../support.ts'

const SHARD = 'shardId-000000000000'

t.test('a worker continues inside an aggregate where the previous one stopped', async t => {
  const stream = await startStream(t, { shards: 1 })
  const texts = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${from + i}`)
  const put = (data: Buffer) =>
    stream.kinesis.send(new PutRecordCommand({ StreamName: STREAM, PartitionKey: 'outer', Data: data }))
  const records = texts(0, 40).map(text => ({ key: `key-${Number(text) % 4}`, data: Buffer.from(text) }))
  await put(aggregate(records.slice(0, 10)))
  const { SequenceNumber: middle } = await put(aggregate(records.slice(10, 30)))
  await put(aggregate(records.slice(30)))

  // One at a time in the order of the shard, so that the progress is known; it stops at the 17th.
  const first = collector()
  const reached = Promise.withResolvers<void>()
  const before = stream.consumer({
    concurrency: 1,
    drainTimeoutMs: 0,
    handler: async (record, { signal }) => {
      if (first.records.length === 17) {
        reached.resolve()
        return new Promise((_, reject) => signal.addEventListener('abort', reject))
      }
      await first.handler(record)
    },
  })
  await before.start()
  await reached.promise
  await before.stop()
  const row = await readRow(stream.dynamodb, SHARD)
  t.equal(row?.checkpoint?.S, middle)
  const done = 10 + Number(row?.checkpointSubSequenceNumber?.N) + 1
  t.ok(done > 10 && done < 30, 'the checkpoint lies inside the aggregate in the middle')

  const second = collector()
  const rest = new Set(texts(done, 40))
  await stream.consumer({ handler: second.handler }).start()
  await second.until(() => second.records.length >= rest.size)
  t.same(new Set(second.texts()), rest, 'what is behind the checkpoint comes, and nothing before it')
  t.same(new Set([...first.texts(), ...second.texts()]), new Set(texts(0, 40)), 'and none is lost')
  const of = (key: number) => second.texts().filter(text => Number(text) % 4 === key)
  for (let key = 0; key < 4; key++)
    t.same(
      of(key),
      of(key).toSorted((a, b) => Number(a) - Number(b)),
    )
})

t.test('a record that only looks like an aggregate is delivered as a plain record', async t => {
  const stream = await startStream(t, { shards: 1 })
  const damaged = aggregate([{ key: 'a', data: Buffer.from('inside') }])
  damaged[10] = (damaged[10] ?? 0) ^ 1
  await stream.kinesis.send(new PutRecordCommand({ StreamName: STREAM, PartitionKey: 'outer', Data: damaged }))
  await stream.put([{ key: 'b', data: 'behind' }])
  const { handler, records, until } = collector()
  await stream.consumer({ handler }).start()
  await until(() => records.length === 2)
  const byKey = (key: string) => records.find(record => record.partitionKey === key) as ConsumerRecord
  t.same(Buffer.from(byKey('outer').data), damaged)
  t.equal(textOf(byKey('b')), 'behind')
})

t.test('an aggregate larger than the byte budget is delivered in portions', async t => {
  const stream = await startStream(t, { shards: 1 })
  const count = 6_000 // Each takes at least a quarter of a KiB, together one and a half times the budget.
  const records = Array.from({ length: count }, (_, i) => ({ key: `key-${i % 50}`, data: Buffer.from(`${i}`) }))
  const { SequenceNumber } = await stream.kinesis.send(
    new PutRecordCommand({ StreamName: STREAM, PartitionKey: 'outer', Data: aggregate(records) }),
  )
  const { handler, records: seen, until } = collector()
  const pendings: number[] = []
  const consumer = stream.consumer({
    maxBufferedBytes: 1024 ** 2,
    handler: async record => {
      pendings.push(consumer.snapshot()[0]?.pending ?? 0)
      await handler(record)
    },
  })
  await consumer.start()
  await until(() => seen.length === count)
  t.equal(new Set(seen.map(record => record.subSequenceNumber)).size, count)
  t.ok(Math.max(...pendings) < count, `at most ${Math.max(...pendings)} of them waited at once`)
  await consumer.stop()
  const row = await readRow(stream.dynamodb, SHARD)
  t.match(row, { checkpoint: { S: SequenceNumber }, checkpointSubSequenceNumber: { N: String(count - 1) } })
})
