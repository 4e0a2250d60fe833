import { DescribeStreamSummaryCommand, KinesisClient } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { ConsumerAdmin, ConsumerOptionError, KinesisConsumer } from '../../services/consumer/index.ts'
import { account } from '../../services/local/account.ts'
import { createStream } from '../../services/local/resources/kinesis.ts'
import { startAutoStream } from '../support/auto-stream.ts'
import { deleteStream } from '../support/delete-stream.ts'
import { APPLICATION, collector, readRow, STREAM, startStream, whenever } from './support.ts'

const SHARD = 'shardId-000000000000'
/** A stream of another account. */
const streamArn = `arn:aws:kinesis:us-east-1:999988887777:stream/${STREAM}`

for (const [way, settings] of Object.entries({
  'in CBOR': {},
  'in JSON': { speaksCbor: false },
  'by enhanced fan-out': { fanOut: { consumerArn: `${streamArn}/consumer/c:1700000000` } },
})) {
  t.test(`every request for a stream that is given by its ARN contains the ARN, if it is read ${way}`, async t => {
    const { dynamodb } = await startStream(t, { shards: 1 })
    const { kinesis, put, requests } = await startAutoStream(t, settings)
    const { fanOut } = { fanOut: undefined, ...settings }
    const { handler, texts, until } = collector()
    put('one')
    const consumer = new KinesisConsumer({
      ...{ applicationName: APPLICATION, streamArn, kinesis, dynamodb, handler, scanIntervalMs: 200 },
      ...{ logger: false, ...(fanOut && { fanOut }) },
    })
    t.teardown(() => consumer.stop())
    await consumer.start()
    await until(() => texts().includes('one'))
    for (const { operation, input } of requests) {
      const expected =
        operation === 'SubscribeToShard' ? { ConsumerARN: fanOut?.consumerArn } : { StreamARN: streamArn }
      t.match(input, expected, operation)
      t.notOk('StreamName' in input)
    }
    const operations = new Set(requests.map(({ operation }) => operation))
    t.ok(['ListShards', fanOut ? 'SubscribeToShard' : 'GetRecords'].every(operation => operations.has(operation)))
  })
}

t.test('a client of another region than that of the ARN is rejected at the start', async t => {
  const { dynamodb } = await startStream(t, { shards: 1 })
  const elsewhere = new KinesisClient({ ...account, region: 'eu-west-1' })
  t.teardown(() => elsewhere.destroy())
  const settings = { applicationName: APPLICATION, streamArn, kinesis: elsewhere, dynamodb }
  const consumer = new KinesisConsumer({ ...settings, handler: () => undefined, logger: false })
  t.teardown(() => consumer.stop())
  const message =
    /is in the region us-east-1, but the KinesisClient uses eu-west-1\. Create the client with region: 'us-east-1'/
  await t.rejects(consumer.start(), ConsumerOptionError)
  await t.rejects(consumer.start(), { message })
  await t.rejects(new ConsumerAdmin(settings).prepare(new Date()), { message })
})

t.test('a stream that is given by its ARN and is deleted and created again is read from its start', async t => {
  const { kinesis, put, consumer: create, dynamodb } = await startStream(t, { shards: 1 })
  const { StreamDescriptionSummary: summary } = await kinesis.send(
    new DescribeStreamSummaryCommand({ StreamName: STREAM }),
  )
  const { handler, texts, until } = collector()
  const given = { streamArn: summary?.StreamARN ?? '' }
  const consumer = create({ ...given, handler, shardSyncIntervalMs: 1_000 })
  await put([{ key: 'a', data: 'first' }])
  await consumer.start()
  await until(() => texts().length === 1)
  await whenever([consumer], () => /^\d+$/.test(consumer.snapshot()[0]?.checkpoint ?? ''))
  const before = await readRow(dynamodb, SHARD)

  await deleteStream(kinesis, STREAM)
  await createStream(kinesis, { name: STREAM, shards: 1, retentionHours: 24 })
  await put([{ key: 'a', data: 'second' }])
  await until(() => texts().length === 2)
  t.same(texts(), ['first', 'second'])
  t.not((await readRow(dynamodb, SHARD))?.headgateShardStart?.S, before?.headgateShardStart?.S)
})
