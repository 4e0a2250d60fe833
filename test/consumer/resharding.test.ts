import {
  type KinesisClient,
  MergeShardsCommand,
  SplitShardCommand,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis'
import t from 'tap'
import { collector, readRow, STREAM, shardsOf, startStream, whenever } from './support.ts'

const shardId = (n: number) => `shardId-00000000000${n}`
const MIDDLE = String(2n ** 127n)

async function split(kinesis: KinesisClient, ShardToSplit: string): Promise<void> {
  await kinesis.send(new SplitShardCommand({ StreamName: STREAM, ShardToSplit, NewStartingHashKey: MIDDLE }))
  await becomesActive(kinesis)
}

async function merge(kinesis: KinesisClient, ShardToMerge: string, AdjacentShardToMerge: string): Promise<void> {
  await kinesis.send(new MergeShardsCommand({ StreamName: STREAM, ShardToMerge, AdjacentShardToMerge }))
  await becomesActive(kinesis)
}

async function becomesActive(client: KinesisClient): Promise<void> {
  await waitUntilStreamExists({ client, minDelay: 0.02, maxDelay: 0.2, maxWaitTime: 15 }, { StreamName: STREAM })
}

const batch = (name: string) => Array.from({ length: 40 }, (_, i) => ({ key: `key-${i}`, data: `${name}:${i}` }))

t.test('after a split and a merge every record is handled, in order within a key', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { handler, texts, until } = collector()
  await stream.put(batch('1 parent'))
  await split(stream.kinesis, shardId(0))
  await stream.put(batch('2 child'))
  await merge(stream.kinesis, shardId(1), shardId(2))
  await stream.put(batch('3 grandchild'))

  const [a, b] = [stream.consumer({ handler }), stream.consumer({ handler })]
  await Promise.all([a.start(), b.start()])
  // A lease that moves while the fleet becomes balanced delivers some records twice. Only the first time counts.
  const firsts = () => [...new Set(texts())]
  await until(() => firsts().length === 120)
  for (let i = 0; i < 40; i++) {
    const ofKey = firsts().filter(text => text.endsWith(`:${i}`))
    t.same(ofKey, [`1 parent:${i}`, `2 child:${i}`, `3 grandchild:${i}`])
  }
})

t.test('a worker creates the leases of the children before it writes the end of a shard', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { handler, texts, until } = collector()
  const consumer = stream.consumer({ handler, shardSyncIntervalMs: 3_600_000 })
  await stream.put(batch('before'))
  await consumer.start()
  await until(() => texts().length === 40)
  const ended = whenever([consumer], () => shardsOf(consumer).toSorted().join() === [shardId(1), shardId(2)].join())
  await split(stream.kinesis, shardId(0))
  await stream.put(batch('after'))
  await ended
  await until(() => texts().length === 80)

  const parent = await readRow(stream.dynamodb, shardId(0))
  t.match(parent, { checkpoint: { S: 'SHARD_END' }, leaseOwner: undefined })
  t.same(parent?.childShardIds?.SS?.toSorted(), [shardId(1), shardId(2)])
  t.same((await readRow(stream.dynamodb, shardId(1)))?.parentShardId?.SS, [shardId(0)])
})

t.test('a shard does not end, and its children wait, while one of its records is unfinished', async t => {
  const stream = await startStream(t, { shards: 1 })
  const release = Promise.withResolvers<void>()
  const { handler, texts, until } = collector()
  const consumer = stream.consumer({
    handler: async record => {
      if (record.shardId === shardId(0)) await release.promise
      await handler(record)
    },
  })
  await stream.put(batch('parent'))
  await split(stream.kinesis, shardId(0))
  await stream.put(batch('child'))
  await consumer.start()
  await whenever([consumer], () => (consumer.snapshot()[0]?.pending ?? 0) === 40)
  await new Promise(resolve => setTimeout(resolve, 1_000)) // Several scans, enough time to start a child wrongly.
  t.same(shardsOf(consumer), [shardId(0)])
  t.same(texts(), [])
  release.resolve()
  await until(() => texts().length === 80)
})
