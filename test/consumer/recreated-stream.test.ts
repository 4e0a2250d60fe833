import { DeleteTableCommand } from '@aws-sdk/client-dynamodb'
import { DeleteStreamCommand, waitUntilStreamNotExists } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { LeaseTableMissingError } from '../../services/consumer/index.ts'
import { createStream } from '../../services/local/resources/kinesis.ts'
import { APPLICATION, collector, readRow, STREAM, startStream, whenever } from './support.ts'

const SHARD = 'shardId-000000000000'
const batch = (name: string) => Array.from({ length: 20 }, (_, i) => ({ key: `key-${i}`, data: `${name}:${i}` }))

t.test('a stream that is deleted and created again during a run is read from its start', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { kinesis: client, dynamodb, put } = stream
  const { handler, texts, until } = collector()
  const consumer = stream.consumer({ handler, shardSyncIntervalMs: 1_000 })
  await put(batch('first'))
  await consumer.start()
  await until(() => texts().length === 20)
  await whenever([consumer], () => /^\d+$/.test(consumer.snapshot()[0]?.checkpoint ?? ''))
  const before = await readRow(dynamodb, SHARD)

  await client.send(new DeleteStreamCommand({ StreamName: STREAM }))
  await waitUntilStreamNotExists({ client, minDelay: 0.02, maxDelay: 0.2, maxWaitTime: 60 }, { StreamName: STREAM })
  await createStream(client, { name: STREAM, shards: 1, retentionHours: 24 })
  await put(batch('second'))
  await until(() => texts().length === 40)
  t.same(
    texts().slice(20).toSorted(),
    batch('second')
      .map(record => record.data)
      .toSorted(),
  )
  const after = await readRow(dynamodb, SHARD)
  t.not(after?.headgateShardStart?.S, before?.headgateShardStart?.S, 'the lease is one of the new shard')
})

t.test('a lease table that is deleted during a run is created again with the progress of its shards', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { handler, texts, until } = collector()
  const consumer = stream.consumer({ handler, failoverMs: 6_000 })
  const missing = Promise.withResolvers<void>()
  consumer.events.on('fault', ({ error }) => {
    if (error instanceof LeaseTableMissingError) missing.resolve()
  })
  await stream.put(batch('before'))
  await consumer.start()
  await until(() => texts().length === 20)
  await whenever([consumer], () => /^\d+$/.test(consumer.snapshot()[0]?.checkpoint ?? ''))
  await stream.dynamodb.send(new DeleteTableCommand({ TableName: APPLICATION }))
  await missing.promise
  const { promise: kept, resolve } = Promise.withResolvers<unknown>()
  consumer.events.once('leaseRenewed', resolve)
  await kept
  t.match(await readRow(stream.dynamodb, SHARD), { checkpoint: { S: /^\d+$/ } })
  await stream.put(batch('after'))
  await until(() => texts().length === 40)
  t.equal(new Set(texts()).size, 40, 'nothing came twice')
})
