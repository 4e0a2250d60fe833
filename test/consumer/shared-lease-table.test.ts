import { type DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import t from 'tap'
import { ConsumerAdmin, ConsumerOptionError, LeaseTableError } from '../../services/consumer/index.ts'
import { APPLICATION, collector, STREAM, startStream, whenever } from './support.ts'

const SHARD = 'shardId-000000000000'
const IDENTIFIER = `000000000000:${STREAM}:1700000000`
const OTHER = '000000000000:another-stream:1700000001'
const shared = { leaseTable: { streamIdentifier: IDENTIFIER } }

/** A row as a worker of KCL writes it that reads several streams. */
const kclRow = (streamIdentifier: string, checkpoint: string) => ({
  leaseKey: { S: `${streamIdentifier}:${SHARD}` },
  streamName: { S: streamIdentifier },
  shardId: { S: SHARD },
  leaseCounter: { N: '41' },
  checkpoint: { S: checkpoint },
  checkpointSubSequenceNumber: { N: '0' },
  ownerSwitchesSinceCheckpoint: { N: '0' },
  throughputKBps: { N: '12.5' },
})

async function rowsOf(dynamodb: DynamoDBClient) {
  const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: APPLICATION, ConsistentRead: true }))
  return new Map(Items.map(item => [item.leaseKey?.S, item]))
}

async function putRow(dynamodb: DynamoDBClient, Item: PutItemCommand['input']['Item']): Promise<void> {
  await dynamodb.send(new PutItemCommand({ TableName: APPLICATION, Item }))
}

t.test('a consumer writes the leases of its stream as KCL does for several streams', async t => {
  const { consumer: create, put, dynamodb } = await startStream(t, { shards: 2 })
  const { handler, texts, until } = collector()
  await put([{ key: 'a', data: 'one' }])
  const consumer = create({ ...shared, handler })
  await consumer.start()
  await until(() => texts().length === 1)
  await whenever([consumer], () => consumer.snapshot().length === 2)
  t.same(
    consumer
      .snapshot()
      .map(({ shardId }) => shardId)
      .sort(),
    [SHARD, 'shardId-000000000001'],
    'the consumer names its shards by their ids',
  )
  await consumer.stop()
  const rows = await rowsOf(dynamodb)
  t.same([...rows.keys()].sort(), [`${IDENTIFIER}:${SHARD}`, `${IDENTIFIER}:shardId-000000000001`])
  t.match(rows.get(`${IDENTIFIER}:${SHARD}`), { streamName: { S: IDENTIFIER }, shardId: { S: SHARD } })
})

t.test('a consumer continues after the checkpoint of KCL, and leaves the leases of other streams alone', async t => {
  const { consumer: create, put, dynamodb, kinesis, createTable } = await startStream(t, { shards: 1 })
  const first = collector()
  await put([{ key: 'a', data: 'done by KCL' }])
  const before = create({ handler: first.handler, applicationName: 'before' })
  await before.start()
  await first.until(() => first.records.length === 1)
  await before.stop()

  await createTable(APPLICATION, 'leaseKey')
  const foreign = { ...kclRow(OTHER, 'TRIM_HORIZON'), leaseOwner: { S: 'java' } }
  await putRow(dynamodb, kclRow(IDENTIFIER, first.records[0]?.sequenceNumber ?? ''))
  await putRow(dynamodb, foreign)
  await putRow(dynamodb, { leaseKey: { S: 'leader' }, entityType: { S: 'LEADER' } })
  await put([{ key: 'a', data: 'left for Headgate' }])

  const { handler, texts, until } = collector()
  // So short that the lease of the other stream expires during the test.
  const consumer = create({ ...shared, handler, failoverMs: 1_000, scanIntervalMs: 100 })
  await consumer.start()
  await until(() => texts().length === 1)
  let renewals = 0
  consumer.events.on('leaseRenewed', () => renewals++)
  await whenever([consumer], () => renewals > 6)
  t.same(
    consumer.leases().map(({ shardId }) => shardId),
    [SHARD],
  )
  await consumer.stop()
  t.same(texts(), ['left for Headgate'])

  const rows = await rowsOf(dynamodb)
  t.strictSame(rows.get(`${OTHER}:${SHARD}`), foreign)
  t.match(rows.get(`${IDENTIFIER}:${SHARD}`), { streamName: { S: IDENTIFIER }, throughputKBps: { N: '12.5' } })
  t.equal(rows.size, 3)

  const admin = new ConsumerAdmin({
    ...{ applicationName: APPLICATION, streamName: STREAM, kinesis, dynamodb },
    leaseTable: { streamIdentifier: IDENTIFIER },
  })
  t.same(
    (await admin.leases()).map(({ leaseKey }) => leaseKey),
    [SHARD],
  )
  t.same(await ConsumerAdmin.streamIdentifiers({ applicationName: APPLICATION, dynamodb }), [OTHER, IDENTIFIER])
})

t.test('a consumer does not start on a table whose lease keys have the other format', async t => {
  const { consumer: create, dynamodb, createTable } = await startStream(t, { shards: 1 })
  await createTable(APPLICATION, 'leaseKey')
  await putRow(dynamodb, kclRow(OTHER, 'TRIM_HORIZON'))
  const single = create({ handler: () => undefined })
  await t.rejects(single.start(), LeaseTableError)
  await t.rejects(single.start(), {
    message: /Set the option 'leaseTable\.streamIdentifier', such as '000000000000:another/,
  })

  const { streamName: _, shardId: __, ...row } = kclRow(OTHER, 'TRIM_HORIZON')
  await putRow(dynamodb, { ...row, leaseKey: { S: `${OTHER}:${SHARD}` } })
  const several = create({ ...shared, handler: () => undefined })
  await t.rejects(several.start(), { message: /belongs to an application with one stream/ })
})

t.test('an identifier of another stream or account is rejected', async t => {
  const { consumer: create } = await startStream(t, { shards: 1 })
  const withIdentifier = (streamIdentifier: string, streamArn?: string) => () =>
    create({
      handler: () => undefined,
      leaseTable: { streamIdentifier },
      ...(streamArn !== undefined && { streamArn }),
    })
  for (const wrong of [OTHER, STREAM, `1:${STREAM}:1700000000`, `${IDENTIFIER}:${SHARD}`, `000000000000:${STREAM}:0`]) {
    t.throws(withIdentifier(wrong), ConsumerOptionError, wrong)
  }
  const arn = `arn:aws:kinesis:us-east-1:999988887777:stream/${STREAM}`
  t.throws(withIdentifier(IDENTIFIER, arn), { message: /must be '999988887777:test-stream:CREATION_EPOCH'/ })
})
