import {
  type AttributeValue,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  ScanCommand,
  type ScanCommandOutput,
  UpdateItemCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import { LeaseTableError, LeaseTableMissingError, LeaseTableTimeoutError } from '../errors.ts'
import { pages } from '../pages.ts'
import type { Lease } from './lease.ts'
import { fromItem, LEASE_KEY, toAttributes } from './lease-item.ts'
import type { LeaseStore } from './lease-store.ts'
import { fence, swapExpression } from './lease-update.ts'

const TABLE_WAIT_SECONDS = 120

/** No lease is held yet and none can expire, so a slow start is acceptable. */
const TABLE_TIMEOUT_MS = 10_000

/** Names of the errors that a call throws when its signal has fired. */
const ABORTED = new Set(['AbortError', 'TimeoutError'])

export interface DynamoDbLeaseStoreSettings {
  dynamodb: DynamoDBClient
  table: string
  /** Timeout of one call, with its retries, in milliseconds. A write that hangs must not outlive its lease. */
  requestTimeoutMs: number
}

/** Creates a lease store on the DynamoDB table of KCL 2.x. */
export function createDynamoDbLeaseStore(settings: DynamoDbLeaseStoreSettings): LeaseStore {
  const { dynamodb, table, requestTimeoutMs } = settings
  const keyOf = (leaseKey: string) => ({ [LEASE_KEY]: { S: leaseKey } })

  /**
   * Makes a call with a timeout. The SDK's own error says only "Request aborted", without the operation and the reason.
   */
  async function bounded<Reply>(
    operation: string,
    send: (options: { abortSignal: AbortSignal }) => Promise<Reply>,
    ms = requestTimeoutMs,
  ): Promise<Reply> {
    const abortSignal = AbortSignal.timeout(ms)
    try {
      return await send({ abortSignal })
    } catch (cause) {
      if (!abortSignal.aborted || !(cause instanceof Error && ABORTED.has(cause.name))) throw cause
      const message = `DynamoDB did not answer ${operation} of the lease table '${table}' within ${ms} ms.`
      throw new LeaseTableTimeoutError(message, { cause })
    }
  }

  async function tableExists(): Promise<boolean> {
    try {
      const command = new DescribeTableCommand({ TableName: table })
      const describe = (limit: { abortSignal: AbortSignal }) => dynamodb.send(command, limit)
      const { Table } = await bounded('DescribeTable', describe, TABLE_TIMEOUT_MS)
      const key = Table?.KeySchema?.map(({ AttributeName }) => AttributeName).join()
      if (key === LEASE_KEY) return true
      throw new LeaseTableError(
        `The table '${table}' is not a lease table: its key is '${key}' and must be '${LEASE_KEY}'.`,
      )
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return false
      throw error
    }
  }

  async function createTable(): Promise<void> {
    try {
      await dynamodb.send(
        new CreateTableCommand({
          TableName: table,
          BillingMode: 'PAY_PER_REQUEST',
          KeySchema: [{ AttributeName: LEASE_KEY, KeyType: 'HASH' }],
          AttributeDefinitions: [{ AttributeName: LEASE_KEY, AttributeType: 'S' }],
        }),
      )
    } catch (error) {
      if (!(error instanceof ResourceInUseException)) throw error // Another worker has created the table in the meantime.
    }
  }

  return {
    async ensureTable(abortSignal) {
      if (!(await tableExists())) await createTable()
      const waiting = { maxWaitTime: TABLE_WAIT_SECONDS, minDelay: 1, maxDelay: 5, ...(abortSignal && { abortSignal }) }
      await waitUntilTableExists({ client: dynamodb, ...waiting }, { TableName: table })
    },

    async list({ consistent } = { consistent: false }) {
      const leases: Lease[] = []
      const scan = { TableName: table, ConsistentRead: consistent }
      const readAll = async (limit: { abortSignal: AbortSignal }) => {
        const listing = pages<ScanCommandOutput, Record<string, AttributeValue>>(
          'Scan',
          marker => dynamodb.send(new ScanCommand({ ...scan, ...(marker && { ExclusiveStartKey: marker }) }), limit),
          ({ LastEvaluatedKey }) => LastEvaluatedKey,
        )
        for await (const { Items = [] } of listing) {
          for (const item of Items) {
            const lease = fromItem(item)
            if (lease) leases.push(lease)
          }
        }
      }
      try {
        // One timeout for all pages.
        await bounded('Scan', readAll)
      } catch (cause) {
        if (!(cause instanceof ResourceNotFoundException)) throw cause
        throw new LeaseTableMissingError(`The lease table '${table}' does not exist.`, { cause })
      }
      return leases
    },

    async get(leaseKey) {
      const command = new GetItemCommand({ TableName: table, Key: keyOf(leaseKey), ConsistentRead: true })
      const { Item } = await bounded('GetItem', limit => dynamodb.send(command, limit))
      return Item && fromItem(Item)
    },

    async create(lease) {
      const Item = { ...keyOf(lease.leaseKey), ...toAttributes(lease) }
      const ConditionExpression = `attribute_not_exists(${LEASE_KEY})`
      const command = new PutItemCommand({ TableName: table, Item, ConditionExpression })
      return conditionally(() => bounded('PutItem', limit => dynamodb.send(command, limit)))
    },

    async swap(previous, next) {
      const command = new UpdateItemCommand({
        TableName: table,
        Key: keyOf(previous.leaseKey),
        ...swapExpression(previous, next),
      })
      return conditionally(() => bounded('UpdateItem', limit => dynamodb.send(command, limit)))
    },

    async delete(lease) {
      const command = new DeleteItemCommand({ TableName: table, Key: keyOf(lease.leaseKey), ...fence(lease) })
      return conditionally(() => bounded('DeleteItem', limit => dynamodb.send(command, limit)))
    },
  }
}

async function conditionally(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write()
    return true
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false
    throw error
  }
}
