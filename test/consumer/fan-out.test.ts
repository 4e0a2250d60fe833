import { UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { SplitShardCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { systemClock } from '../../services/consumer/clock.ts'
import { KinesisConsumer } from '../../services/consumer/index.ts'
import { createSubscribe } from '../../services/consumer/kinesis/fan-out-stream.ts'
import { createKinesisStream } from '../../services/consumer/kinesis/kinesis-stream.ts'
import { until as eventually } from '../support/processes.ts'
import { fastClock } from './fetching/support.ts'
import {
  APPLICATION,
  collector,
  readRow,
  STREAM,
  type StreamFixture,
  shardsOf,
  startStream,
  whenever,
} from './support.ts'

const SHARD = 'shardId-000000000000'
const fanOut = { consumerName: 'my-consumer' }
const batch = (name: string) => Array.from({ length: 40 }, (_, i) => ({ key: `key-${i}`, data: `${name}:${i}` }))

t.test('a worker with fan-out hands a shard over to another worker, and each record is handled', async t => {
  const stream = await startStream(t, { shards: 2 })
  const first = collector()
  const before = stream.consumer({ handler: first.handler, fanOut })
  await stream.put(batch('1'))
  await before.start()
  await first.until(() => first.records.length === 40)
  await before.stop()

  await stream.put(batch('2'))
  const second = collector()
  await stream.consumer({ handler: second.handler, fanOut }).start()
  await second.until(() => second.records.length === 40)
  t.same(
    second.texts().toSorted(),
    batch('2')
      .map(record => record.data)
      .toSorted(),
  )
})

t.test('a worker with fan-out continues with the children of a split shard', async t => {
  const { kinesis, dynamodb, put } = await startStream(t, { shards: 1 })
  const { handler, texts, until } = collector()
  const consumer = new KinesisConsumer(
    { applicationName: APPLICATION, streamName: STREAM, kinesis, dynamodb, handler, fanOut, failoverMs: 60_000 },
    { clock: fastClock(10) },
  )
  t.teardown(() => consumer.stop())
  await put(batch('before'))
  await consumer.start()
  await until(() => texts().length === 40)
  const NewStartingHashKey = String(2n ** 127n)
  await kinesis.send(new SplitShardCommand({ StreamName: STREAM, ShardToSplit: SHARD, NewStartingHashKey }))
  await whenever([consumer], () => shardsOf(consumer).length === 2)
  await put(batch('after'))
  await until(() => texts().length === 80)
  t.equal(new Set(texts()).size, 80)
  t.match(await readRow(dynamodb, SHARD), { checkpoint: { S: 'SHARD_END' } })
})

t.test('a lost lease closes its subscription at once', async t => {
  const { kinesis, dynamodb, put } = await startStream(t, { shards: 1 })
  const signals: AbortSignal[] = []
  const consumer = recordingConsumer(signals, { kinesis, dynamodb })
  t.teardown(() => consumer.stop())
  await put(batch('1'))
  await consumer.start()
  await whenever([consumer], () => consumer.snapshot()[0]?.millisBehindLatest === 0)
  t.same(
    signals.map(signal => signal.aborted),
    [false],
  )
  const aborted = Promise.withResolvers<boolean | undefined>()
  consumer.events.once('leaseLost', () => aborted.resolve(signals[0]?.aborted))
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: APPLICATION,
      Key: { leaseKey: { S: SHARD } },
      UpdateExpression: 'SET leaseOwner = :other ADD leaseCounter :ten',
      ExpressionAttributeValues: { ':other': { S: 'one that never renews' }, ':ten': { N: '10' } },
    }),
  )
  t.equal(await aborted.promise, true)
  await eventually(() => signals.length > 1, { what: 'the subscription after the lease was taken back' })
})

/** A consumer that records the signal of each of its subscriptions. */
function recordingConsumer(signals: AbortSignal[], clients: Pick<StreamFixture, 'kinesis' | 'dynamodb'>) {
  const streamSettings = { kinesis: clients.kinesis, streamName: STREAM }
  const subscribe = createSubscribe({ ...streamSettings, fanOut, clock: systemClock })
  const { handler } = collector()
  const options = {
    applicationName: APPLICATION,
    streamName: STREAM,
    ...clients,
    handler,
    fanOut,
    logger: false as const,
  }
  return new KinesisConsumer(
    { ...options, failoverMs: 2_000, scanIntervalMs: 200, shardSyncIntervalMs: 1_000 },
    {
      stream: {
        ...createKinesisStream({
          ...streamSettings,
          requestTimeoutMs: 30_000,
          onFallback: error => t.fail(`${error}`),
        }),
        subscribe(shardId, position, signal) {
          signals.push(signal)
          return subscribe(shardId, position, signal)
        },
      },
    },
  )
}
