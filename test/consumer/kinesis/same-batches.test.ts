import {
  KinesisServiceException,
  MergeShardsCommand,
  SplitShardCommand,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis'
import t from 'tap'
import { createCborRecords } from '../../../services/consumer/kinesis/cbor-records.ts'
import { createKinesisStream } from '../../../services/consumer/kinesis/kinesis-stream.ts'
import { createSdkStream } from '../../../services/consumer/kinesis/sdk-stream.ts'
import type { RecordsReply, StreamReader } from '../../../services/consumer/stream.ts'
import { STREAM, type StreamFixture, startStream } from '../support.ts'

const SHARD = 'shardId-000000000000'
const requestTimeoutMs = 10_000

type GetRecords = StreamReader['getRecords']

/** Returns every reply of a shard, from its first record to its end or to an empty reply. */
async function readShard(stream: StreamReader, getRecords: GetRecords, shardId: string): Promise<RecordsReply[]> {
  const replies: RecordsReply[] = []
  let iterator: string | undefined = await stream.getIterator(shardId, { type: 'TRIM_HORIZON' })
  while (iterator !== undefined) {
    const reply: RecordsReply = await getRecords(shardId, iterator, 7)
    replies.push(reply)
    if (reply.records.length === 0) break
    iterator = reply.nextIterator
  }
  return replies
}

/** Iterators always differ, and the lag depends on the time of the call. */
const comparable = (replies: RecordsReply[]) =>
  replies.map(({ records, nextIterator, childShards }) => ({
    records,
    childShards,
    ended: nextIterator === undefined,
  }))

async function bothWays({ kinesis }: StreamFixture, shardId: string) {
  const settings = { kinesis, streamName: STREAM, requestTimeoutMs }
  const sdk = createSdkStream(settings)
  const bySdk = await readShard(sdk, sdk.getRecords, shardId)
  const byCbor = await readShard(sdk, createCborRecords(settings), shardId)
  return { bySdk: comparable(bySdk), byCbor: comparable(byCbor) }
}

t.test('CBOR and the SDK return the same shard, from its first record to its children', async t => {
  const stream = await startStream(t, { shards: 1 })
  const sizes = [0, 1, 23, 24, 255, 256, 4_095, 4_096, 65_535, 65_536, 200_000]
  await stream.put(sizes.map((size, i) => ({ key: `Schlüssel-${i}-鍵`, data: 'x'.repeat(size) || ' ' })))
  const middle = String(2n ** 127n)
  await stream.kinesis.send(
    new SplitShardCommand({ StreamName: STREAM, ShardToSplit: SHARD, NewStartingHashKey: middle }),
  )
  await waitUntilStreamExists(
    { client: stream.kinesis, minDelay: 0.02, maxDelay: 0.2, maxWaitTime: 15 },
    { StreamName: STREAM },
  )
  const { bySdk, byCbor } = await bothWays(stream, SHARD)
  t.strictSame(byCbor, bySdk)
  t.equal(byCbor.flatMap(reply => reply.records).length, sizes.length)
  t.equal(byCbor.at(-1)?.ended, true)
  t.equal(byCbor.at(-1)?.childShards.length, 2)
})

t.test('a child of two parents names both of them with CBOR and with the SDK', async t => {
  const stream = await startStream(t, { shards: 2 })
  await stream.put([{ key: 'a', data: 'a' }])
  const ShardToMerge = SHARD
  const AdjacentShardToMerge = 'shardId-000000000001'
  await stream.kinesis.send(new MergeShardsCommand({ StreamName: STREAM, ShardToMerge, AdjacentShardToMerge }))
  await waitUntilStreamExists(
    { client: stream.kinesis, minDelay: 0.02, maxDelay: 0.2, maxWaitTime: 15 },
    { StreamName: STREAM },
  )
  for (const shardId of [ShardToMerge, AdjacentShardToMerge]) {
    const { bySdk, byCbor } = await bothWays(stream, shardId)
    t.strictSame(byCbor, bySdk)
    t.equal(byCbor.at(-1)?.childShards[0]?.parentShardIds.length, 2)
  }
})

t.test('an error has the same name, class and message with CBOR and with the SDK', async t => {
  const { kinesis } = await startStream(t, { shards: 1 })
  const settings = { kinesis, streamName: STREAM, requestTimeoutMs }
  const sdk = createSdkStream(settings)
  const iterator = await sdk.getIterator(SHARD, { type: 'TRIM_HORIZON' })
  const errors: unknown[] = []
  for (const getRecords of [sdk.getRecords, createCborRecords(settings)]) {
    await getRecords(SHARD, iterator, 20_000).catch(error => errors.push(error))
  }
  const [bySdk, byCbor] = errors
  t.match(bySdk, { name: /Exception$/, $fault: 'client' })
  t.ok(byCbor instanceof KinesisServiceException)
  t.match(byCbor, pick(bySdk))
})

const pick = (error: unknown) => {
  const { name, message, $fault } = error as KinesisServiceException
  return { name, message, $fault }
}

t.test('a stream is read in CBOR if its endpoint supports it', async t => {
  const stream = await startStream(t, { shards: 1 })
  await stream.put([{ key: 'a', data: 'a' }])
  const commands: string[] = []
  stream.kinesis.middlewareStack.add(
    (next, { commandName }) => {
      commands.push(commandName ?? '')
      return args => next(args)
    },
    { step: 'initialize' },
  )
  const { kinesis } = stream
  const reader = createKinesisStream({
    kinesis,
    streamName: STREAM,
    requestTimeoutMs,
    onFallback: error => t.fail(error),
  })
  const [reply] = await readShard(reader, reader.getRecords, SHARD)
  t.equal(reply?.records.length, 1)
  t.same(commands, ['GetShardIteratorCommand'])
})
