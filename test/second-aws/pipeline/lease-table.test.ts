import {
  CreateTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ListTagsOfResourceCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb'
import t from 'tap'
import { createDynamoDbLeaseStore } from '../../../services/consumer/leases/dynamodb-lease-store.ts'
import { type LeaseTableOptions, resolveLeaseTable } from '../../../services/consumer/leases/lease-table-options.ts'
import { notInstalled } from '../support/installed.ts'
import { createClients } from '../support/resources.ts'
import { startMoto } from '../support/servers.ts'

const ALL: LeaseTableOptions = {
  name: 'leases',
  tags: { team: 'uploads', 'cost-center': '7' },
  deletionProtection: true,
  pointInTimeRecovery: true,
  provisioned: { readUnits: 25, writeUnits: 50 },
}

const stream = { streamName: 'a-stream' }

const storeOf = (dynamodb: DynamoDBClient, options: LeaseTableOptions) =>
  createDynamoDbLeaseStore({
    ...{ dynamodb, table: resolveLeaseTable(options, 'application', stream), requestTimeoutMs: 10_000 },
  })

/** Returns what DynamoDB says about a table. */
async function settingsOf(dynamodb: DynamoDBClient, TableName: string) {
  const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName }))
  const { ContinuousBackupsDescription } = await dynamodb.send(new DescribeContinuousBackupsCommand({ TableName }))
  const { Tags = [] } = await dynamodb.send(new ListTagsOfResourceCommand({ ResourceArn: Table?.TableArn }))
  const { ReadCapacityUnits, WriteCapacityUnits } = Table?.ProvisionedThroughput ?? {}
  return {
    tags: Object.fromEntries(Tags.map(({ Key = '', Value }) => [Key, Value])),
    protection: Table?.DeletionProtectionEnabled ?? false,
    recovery: ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus,
    billing: Table?.BillingModeSummary?.BillingMode ?? 'PROVISIONED',
    units: [ReadCapacityUnits, WriteCapacityUnits],
  }
}

const WHOLE = {
  ...{ tags: { team: 'uploads', 'cost-center': '7' }, protection: true, recovery: 'ENABLED' },
  ...{ billing: 'PROVISIONED', units: [25, 50] },
}

/** Rejects every command of that name before it is sent, like a worker that crashes before it. Counts the commands. */
function crashBefore(dynamodb: DynamoDBClient, commandName: string): { undo(): void; seen: string[] } {
  const seen: string[] = []
  dynamodb.middlewareStack.add(
    (next, context) => async args => {
      seen.push(String(context.commandName))
      if (context.commandName === commandName) throw new Error('the worker crashes')
      return await next(args)
    },
    { step: 'initialize', name: 'crash' },
  )
  return { seen, undo: () => void dynamodb.middlewareStack.remove('crash') }
}

t.test('the lease table on moto', { skip: notInstalled('moto') }, async t => {
  const server = await startMoto(t)
  t.comment(server.versions)
  const { dynamodb } = createClients(t, server)

  await t.test('is created with all of its settings, also by several workers at the same time', async t => {
    const stores = Array.from({ length: 4 }, () => storeOf(dynamodb, ALL))
    await Promise.all(stores.map(store => store.ensureTable()))
    t.strictSame(await settingsOf(dynamodb, 'leases'), WHOLE)
    t.same(await stores[0]?.list(), [], 'the table has no row that is no lease')
  })

  await t.test('has the defaults without any option, by calls that need no further permission', async t => {
    const { seen, undo } = crashBefore(dynamodb, 'none')
    await storeOf(dynamodb, {}).ensureTable()
    undo()
    t.same(new Set(seen), new Set(['DescribeTableCommand', 'CreateTableCommand']))
    t.match(await settingsOf(dynamodb, 'application'), {
      ...{ tags: {}, protection: false, recovery: 'DISABLED', billing: 'PAY_PER_REQUEST' },
    })
  })

  for (const [name, command] of [
    ['crash-before-recovery', 'UpdateContinuousBackupsCommand'],
    ['crash-before-untag', 'UntagResourceCommand'],
  ] as const) {
    await t.test(`is completed by the next worker after a crash before ${command}`, async t => {
      const options = { ...ALL, name }
      const { undo } = crashBefore(dynamodb, command)
      await t.rejects(storeOf(dynamodb, options).ensureTable(), { message: 'the worker crashes' })
      undo()
      t.match(await settingsOf(dynamodb, name), { tags: { 'headgate:point-in-time-recovery': 'pending' } })
      await storeOf(dynamodb, options).ensureTable()
      t.strictSame(await settingsOf(dynamodb, name), WHOLE)
    })
  }

  await t.test('is never changed if it exists', async t => {
    const TableName = 'made-by-somebody'
    await dynamodb.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'leaseKey', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'leaseKey', AttributeType: 'S' }],
        Tags: [{ Key: 'made', Value: 'by CDK' }],
      }),
    )
    const before = await settingsOf(dynamodb, TableName)
    await storeOf(dynamodb, { ...ALL, name: TableName }).ensureTable()
    t.strictSame(await settingsOf(dynamodb, TableName), before)
    t.equal((await dynamodb.send(new ScanCommand({ TableName }))).Count, 0)
    await storeOf(dynamodb, { name: 'leases' }).ensureTable()
    t.strictSame(await settingsOf(dynamodb, 'leases'), WHOLE)
  })
})
