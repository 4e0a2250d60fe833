import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ListTagsOfResourceCommand,
  type ListTagsOfResourceCommandOutput,
  ResourceInUseException,
  ResourceNotFoundException,
  type TableDescription,
  UntagResourceCommand,
  UpdateContinuousBackupsCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import { LeaseTableError } from '../errors.ts'
import { pages } from '../pages.ts'
import { LEASE_KEY } from './lease-item.ts'
import type { ResolvedLeaseTable } from './lease-table-options.ts'

const TABLE_WAIT_SECONDS = 120

/**
 * Marks a table whose point-in-time recovery has yet to be switched on. CreateTable cannot switch it on, so a worker may
 * crash in between. The tag is written with the table itself, so the next worker finds it and completes the creation. A
 * table that somebody else created has no such tag, and is never changed.
 */
const PENDING_TAG = 'headgate:point-in-time-recovery'

/** Makes a call with the timeout of the start. The SDK's own error would not name the operation. */
export type BoundedCall = <Reply>(
  operation: string,
  send: (options: { abortSignal: AbortSignal }) => Promise<Reply>,
) => Promise<Reply>

export interface LeaseTableSettings {
  dynamodb: DynamoDBClient
  table: ResolvedLeaseTable
  bounded: BoundedCall
}

/**
 * Creates the lease table if it does not exist, and waits until it is active. Resolves before any row is written. Any
 * number of workers may call it at the same time.
 *
 * @throws LeaseTableError if the table is not a lease table, or the error of DynamoDB
 */
export async function ensureLeaseTable(settings: LeaseTableSettings, abortSignal?: AbortSignal): Promise<void> {
  const { dynamodb, table } = settings
  if (!(await describe(settings))) await createTable(settings)
  const waiting = { maxWaitTime: TABLE_WAIT_SECONDS, minDelay: 1, maxDelay: 5, ...(abortSignal && { abortSignal }) }
  await waitUntilTableExists({ client: dynamodb, ...waiting }, { TableName: table.name })
  if (table.pointInTimeRecovery) await completeCreation(settings)
}

async function describe({ dynamodb, table, bounded }: LeaseTableSettings): Promise<TableDescription | undefined> {
  try {
    const command = new DescribeTableCommand({ TableName: table.name })
    const { Table } = await bounded('DescribeTable', options => dynamodb.send(command, options))
    const key = Table?.KeySchema?.map(({ AttributeName }) => AttributeName).join()
    if (key === LEASE_KEY) return Table
    throw new LeaseTableError(
      `The table '${table.name}' is not a lease table: its key is '${key}' and must be '${LEASE_KEY}'.`,
    )
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined
    throw error
  }
}

async function createTable({ dynamodb, table }: LeaseTableSettings): Promise<void> {
  const { name, deletionProtection, pointInTimeRecovery, provisioned } = table
  const tags = [...table.tags, ...(pointInTimeRecovery ? [{ Key: PENDING_TAG, Value: 'pending' }] : [])]
  try {
    await dynamodb.send(
      new CreateTableCommand({
        TableName: name,
        KeySchema: [{ AttributeName: LEASE_KEY, KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: LEASE_KEY, AttributeType: 'S' }],
        ...(provisioned
          ? {
              BillingMode: 'PROVISIONED',
              ProvisionedThroughput: {
                ReadCapacityUnits: provisioned.readUnits,
                WriteCapacityUnits: provisioned.writeUnits,
              },
            }
          : { BillingMode: 'PAY_PER_REQUEST' }),
        // Omitted unless they are wanted: CreateTable with tags needs a further permission.
        ...(tags.length > 0 && { Tags: tags }),
        ...(deletionProtection && { DeletionProtectionEnabled: true }),
      }),
    )
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error // Another worker has created the table in the meantime.
  }
}

/** Switches point-in-time recovery on, if the tag says that this is still to be done. */
async function completeCreation(settings: LeaseTableSettings): Promise<void> {
  const { dynamodb, table, bounded } = settings
  const ResourceArn = (await describe(settings))?.TableArn
  if (ResourceArn === undefined) return // Deleted in the meantime. The first scan reports it.
  if (!(await hasPendingTag(ResourceArn, settings))) return
  const update = new UpdateContinuousBackupsCommand({
    TableName: table.name,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  })
  await bounded('UpdateContinuousBackups', options => dynamodb.send(update, options))
  const untag = new UntagResourceCommand({ ResourceArn, TagKeys: [PENDING_TAG] })
  await bounded('UntagResource', options => dynamodb.send(untag, options))
}

async function hasPendingTag(ResourceArn: string, { dynamodb, bounded }: LeaseTableSettings): Promise<boolean> {
  return await bounded('ListTagsOfResource', async options => {
    const listing = pages<ListTagsOfResourceCommandOutput, string>(
      'ListTagsOfResource',
      NextToken =>
        dynamodb.send(new ListTagsOfResourceCommand({ ResourceArn, ...(NextToken && { NextToken }) }), options),
      ({ NextToken }) => NextToken,
    )
    for await (const { Tags = [] } of listing) if (Tags.some(({ Key }) => Key === PENDING_TAG)) return true
    return false
  })
}
