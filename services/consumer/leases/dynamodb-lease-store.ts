import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ResourceNotFoundException,
  ScanCommand,
  type ScanCommandOutput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { LeaseRowError, LeaseTableMissingError, LeaseTableTimeoutError } from '../errors.ts'
import { pages } from '../pages.ts'
import type { Lease } from './lease.ts'
import { LEASE_KEY, leaseOfStream, namesOf, toAttributes } from './lease-item.ts'
import type { LeaseStore, ListReading } from './lease-store.ts'
import { ensureLeaseTable } from './lease-table.ts'
import type { ResolvedLeaseTable } from './lease-table-options.ts'
import { fence, swapExpression } from './lease-update.ts'

/** No lease is held yet and none can expire, so a slow start is acceptable. */
const TABLE_TIMEOUT_MS = 10_000

/** The first rows show whether several streams share the table. KCL 3.5 keeps a few rows of other kinds. */
const ROWS_CHECKED = 50

/** Names of the errors that a call throws when its signal has fired. */
const ABORTED = new Set(['AbortError', 'TimeoutError'])

export interface DynamoDbLeaseStoreSettings {
  dynamodb: DynamoDBClient
  table: ResolvedLeaseTable
  /** Timeout of one call, with its retries, in milliseconds. A write that hangs must not outlive its lease. */
  requestTimeoutMs: number
}

/** Creates a lease store on the DynamoDB table of KCL 2.x. */
export function createDynamoDbLeaseStore(settings: DynamoDbLeaseStoreSettings): LeaseStore {
  const { dynamodb, requestTimeoutMs } = settings
  const { name: table, streamIdentifier } = settings.table
  const keyOf = (shardId: string) => namesOf(shardId, streamIdentifier).key

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

  return {
    async ensureTable(abortSignal) {
      await ensureLeaseTable(
        { dynamodb, table: settings.table, bounded: (operation, send) => bounded(operation, send, TABLE_TIMEOUT_MS) },
        abortSignal,
      )
      // A table of the wrong kind ends the start, and not only every scan.
      const command = new ScanCommand({ TableName: table, Limit: ROWS_CHECKED })
      const { Items = [] } = await bounded('Scan', limit => dynamodb.send(command, limit), TABLE_TIMEOUT_MS)
      for (const item of Items) leaseOfStream(item, streamIdentifier)
    },

    async list({ consistent, onInvalid }: ListReading = { consistent: false }) {
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
            try {
              const lease = leaseOfStream(item, streamIdentifier)
              if (lease) leases.push(lease)
            } catch (error) {
              if (!onInvalid || !(error instanceof LeaseRowError)) throw error
              onInvalid(error)
            }
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
      return Item && leaseOfStream(Item, streamIdentifier)
    },

    async create(lease) {
      const { key, names } = namesOf(lease.leaseKey, streamIdentifier)
      const Item = { ...key, ...names, ...toAttributes(lease) }
      const ConditionExpression = `attribute_not_exists(${LEASE_KEY})`
      const command = new PutItemCommand({ TableName: table, Item, ConditionExpression })
      return (await ifUnchanged(() => bounded('PutItem', limit => dynamodb.send(command, limit)))) !== undefined
    },

    async swap(previous, next) {
      const command = new UpdateItemCommand({
        TableName: table,
        Key: keyOf(previous.leaseKey),
        ...swapExpression(previous, next),
        ReturnValues: 'ALL_NEW', // Free of charge.
      })
      const { Attributes } =
        (await ifUnchanged(() => bounded('UpdateItem', limit => dynamodb.send(command, limit)))) ?? {}
      return Attributes && leaseOfStream(Attributes, streamIdentifier)
    },

    async delete(lease) {
      const command = new DeleteItemCommand({ TableName: table, Key: keyOf(lease.leaseKey), ...fence(lease) })
      return (await ifUnchanged(() => bounded('DeleteItem', limit => dynamodb.send(command, limit)))) !== undefined
    },
  }
}

/** Resolves to the reply of a write, or to undefined if its condition did not hold. */
async function ifUnchanged<Reply>(write: () => Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await write()
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined
    throw error
  }
}
