import { DescribeTableCommand, PutItemCommand, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import t from 'tap'
import { ConsumerAdmin, LeaseRowError } from '../../services/consumer/index.ts'
import { createDynamoDbLeaseStore } from '../../services/consumer/leases/dynamodb-lease-store.ts'
import { endLease, newLease, releaseLease, renewLease, takeLease } from '../../services/consumer/leases/lease.ts'
import { resolveLeaseTable } from '../../services/consumer/leases/lease-table-options.ts'
import { at } from './leases/support.ts'
import { APPLICATION, collector, STREAM, startStream } from './support.ts'

t.test('the lease table is the one of KCL 2', async t => {
  const stream = await startStream(t, { shards: 2 })
  const { handler, records, until } = collector()
  const consumer = stream.consumer({ handler })
  await stream.put(Array.from({ length: 50 }, (_, i) => ({ key: `key-${i}`, data: 'x' })))
  await consumer.start()
  await until(() => records.length >= 50)
  await consumer.stop()

  const { Table } = await stream.dynamodb.send(new DescribeTableCommand({ TableName: APPLICATION }))
  t.match(Table?.KeySchema, [{ AttributeName: 'leaseKey', KeyType: 'HASH' }])
  t.equal(Table?.BillingModeSummary?.BillingMode, 'PAY_PER_REQUEST')
  const { Items = [] } = await stream.dynamodb.send(new ScanCommand({ TableName: APPLICATION }))
  t.same(Items.map(item => item.leaseKey?.S).sort(), ['shardId-000000000000', 'shardId-000000000001'])
  for (const item of Items) {
    const last = records.filter(record => record.shardId === item.leaseKey?.S).at(-1)
    t.match(item, {
      leaseCounter: { N: /^\d+$/ },
      checkpoint: { S: last?.sequenceNumber },
      checkpointSubSequenceNumber: { N: '0' },
      ownerSwitchesSinceCheckpoint: { N: '0' },
      startingHashKey: { S: /^\d+$/ },
      endingHashKey: { S: /^\d+$/ },
    })
    t.notOk('leaseOwner' in item, 'given up: without the attribute, not with an empty one')
  }
})

t.test('a write fails if the row has changed since it was read', async t => {
  const { dynamodb } = await startStream(t, { shards: 1 })
  const store = createDynamoDbLeaseStore({
    dynamodb,
    table: resolveLeaseTable({}, APPLICATION, { streamName: STREAM }),
    requestTimeoutMs: 5_000,
  })
  await store.ensureTable()
  await store.ensureTable()
  const fresh = newLease({
    leaseKey: 'shard-1',
    checkpoint: at('TRIM_HORIZON'),
    parentShardIds: ['shard-0'],
    startingHashKey: '0',
    endingHashKey: '9',
    startAt: undefined,
    shardStart: undefined,
  })
  t.ok(await store.create(fresh))
  t.notOk(await store.create(fresh), 'a lease that exists is not made again')

  const mine = takeLease(fresh, 'me', 'session')
  t.ok(await store.swap(fresh, mine))
  t.notOk(await store.swap(fresh, takeLease(fresh, 'other', 'theirs')), 'taken once')
  const further = renewLease(mine, at('100'))
  t.ok(await store.swap(mine, further))
  t.notOk(await store.swap(mine, renewLease(mine, at('50'))), 'no checkpoint over a newer one')
  t.same(await store.get('shard-1'), further)

  const key = { leaseKey: { S: 'shard-1' } }
  const handOff = 'SET leaseOwner = :next, checkpointOwner = :current'
  const values = { ':next': { S: 'kcl-3' }, ':current': { S: 'me' } }
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: APPLICATION,
      Key: key,
      UpdateExpression: handOff,
      ExpressionAttributeValues: values,
    }),
  )
  t.notOk(
    await store.swap(further, releaseLease(further, at('200'))),
    'a handover of KCL 3, which does not change the counter, is still fenced',
  )

  const handed = await store.get('shard-1')
  t.match(handed, { leaseOwner: 'kcl-3', checkpointOwner: 'me', leaseCounter: 2 })
})

t.test('unknown attributes of KCL in a row are left unchanged', async t => {
  const { dynamodb } = await startStream(t, { shards: 1 })
  const store = createDynamoDbLeaseStore({
    dynamodb,
    table: resolveLeaseTable({}, APPLICATION, { streamName: STREAM }),
    requestTimeoutMs: 5_000,
  })
  await store.ensureTable()
  const Item = {
    leaseKey: { S: 'shard-1' },
    leaseCounter: { N: '41' },
    leaseOwner: { S: 'java' },
    checkpoint: { S: '100' },
    checkpointSubSequenceNumber: { N: '3' },
    ownerSwitchesSinceCheckpoint: { N: '0' },
    pendingCheckpoint: { S: '120' },
    pendingCheckpointState: { N: '1' },
    throughputKBps: { N: '12.5' },
  }
  await dynamodb.send(new PutItemCommand({ TableName: APPLICATION, Item }))
  await dynamodb.send(
    new PutItemCommand({ TableName: APPLICATION, Item: { leaseKey: { S: 'x' }, entityType: { S: 'LEADER' } } }),
  )
  const [row, ...others] = await store.list()
  t.same(others, [], 'a row of another kind is no lease')
  if (!row) throw new Error('no row')
  const mine = takeLease(row, 'me', 'session')
  t.ok(await store.swap(row, mine))
  t.ok(await store.swap(mine, endLease(mine, ['shard-2'])))

  const { Items } = await dynamodb.send(new ScanCommand({ TableName: APPLICATION }))
  const after = Items?.find(item => item.leaseKey?.S === 'shard-1')
  t.match(after, { throughputKBps: { N: '12.5' }, leaseCounter: { N: '43' }, checkpoint: { S: 'SHARD_END' } })
  t.notOk(after && 'pendingCheckpoint' in after, 'a pending checkpoint is over with the next one')
})

t.test('the status of an application names an invalid row, and has the others', async t => {
  const { dynamodb, kinesis } = await startStream(t, { shards: 1 })
  const table = resolveLeaseTable({}, APPLICATION, { streamName: STREAM })
  const store = createDynamoDbLeaseStore({ dynamodb, table, requestTimeoutMs: 5_000 })
  await store.ensureTable()
  const common = { checkpoint: at('TRIM_HORIZON'), parentShardIds: [], startAt: undefined, shardStart: undefined }
  const hashKeys = { startingHashKey: '0', endingHashKey: '9' }
  for (const leaseKey of ['shard-3', 'shard-1']) await store.create(newLease({ ...common, ...hashKeys, leaseKey }))
  const Item = { leaseKey: { S: 'shard-2' }, leaseCounter: { N: '1' } }
  await dynamodb.send(new PutItemCommand({ TableName: APPLICATION, Item }))
  const admin = new ConsumerAdmin({ applicationName: APPLICATION, streamName: STREAM, kinesis, dynamodb })
  const { leases, invalidRows } = await admin.status()
  t.strictSame(
    leases.map(({ leaseKey }) => leaseKey),
    ['shard-1', 'shard-3'],
  )
  const problem = "The row 'shard-2' of the lease table has no counter or no checkpoint."
  t.strictSame(invalidRows, [{ leaseKey: 'shard-2', problem }])
  await t.rejects(admin.leases(), { code: 'CONSUMER_LEASE_TABLE', message: problem })
  await t.rejects(store.list(), LeaseRowError, 'a worker does not read the table without the row')
})
