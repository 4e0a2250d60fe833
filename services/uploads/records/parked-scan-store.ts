import { createHash } from 'node:crypto'
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { dueTime } from '../notifications/owed.ts'
import { conditionally, unlessRefused } from './conditional-write.ts'
import { type ObjectRef, OUTBOX_PARTITIONS } from './record.ts'
import { itemKey, type UploadKey } from './store.ts'

/** A record of the stream that waits for the verdict of a scanner. */
export interface ParkedScan {
  object: ObjectRef
  /** The data of the record: an event in JSON. */
  event: string
  partitionKey: string
  /** Since when it waits, in epoch milliseconds. */
  since: number
  /** How often a relay has looked for the verdict. */
  attempts: number
}

/** A parked record, as the index has it. */
export interface DueScan extends UploadKey {
  dueAt: number
}

/** A parked record that no other relay looks at until `dueAt`. */
export interface ClaimedScan extends DueScan, ParkedScan {}

/**
 * Records that wait for the verdict of a scanner that tags objects. They are items of the table of uploads, because an object can have no
 * upload record, under an owner with a `#`, which no token has. Their partitions of the index `notifications` are their own.
 */
export interface ParkedScanStore {
  /**
   * Parks a record. To park it again changes nothing. Resolves to the time since when it has been parked, in epoch milliseconds, and whether
   * a relay has given it up: then no relay looks for its verdict.
   *
   * @param dueAt when a relay looks for the verdict, in epoch milliseconds
   */
  park(parked: Omit<ParkedScan, 'attempts'>, dueAt: number): Promise<{ since: number; isGivenUp: boolean }>
  /** Lists parked records of a partition that are due, in the order in which they are due. */
  listDue(query: { partition: number; dueBefore: number; limit: number }, signal?: AbortSignal): Promise<DueScan[]>
  /** Claims a record until `until`, when it is due again. Undefined if it has changed since it was listed. */
  claim(due: DueScan, until: number): Promise<ClaimedScan | undefined>
  /** Sets when a claimed record is due again. */
  postpone(claimed: ClaimedScan, dueAt: number): Promise<void>
  /** Removes a record that is on the stream again. */
  remove(object: ObjectRef): Promise<void>
  /** Takes a record out of the index, because its verdict does not come. `park` still knows since when it has waited. */
  giveUp(claimed: ClaimedScan): Promise<void>
}

/** Number of partitions of parked records. It is that of the outbox, for the same reason. */
export const SCAN_PARTITIONS = OUTBOX_PARTITIONS

const partitionName = (index: number) => `scan-${index}`

/** How long a record that was given up is remembered, in days. The worker fails its upload long before. */
const REMEMBERED_DAYS = 8

export function createParkedScanStore({
  dynamodb,
  table,
  now = Date.now,
}: {
  dynamodb: DynamoDBClient
  table: string
  now?: () => number
}): ParkedScanStore {
  return {
    async park({ object, event, partitionKey, since }, dueAt) {
      const { key, partition } = placeOf(object)
      const values = { ...object, event, partitionKey, since, attempts: 0, notifyPartition: partition }
      const put = new PutItemCommand({
        TableName: table,
        Item: { ...key, ...marshall({ ...values, notifyAt: dueTime(dueAt) }) },
        ConditionExpression: 'attribute_not_exists(since)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      })
      try {
        await dynamodb.send(put)
        return { since, isGivenUp: false }
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error
        const { since: before, notifyPartition } = error.Item ?? {}
        return { since: Number(before?.N ?? since), isGivenUp: notifyPartition === undefined }
      }
    },

    async listDue({ partition, dueBefore, limit }, signal) {
      const { Items = [] } = await dynamodb.send(
        new QueryCommand({
          TableName: table,
          IndexName: 'notifications',
          KeyConditionExpression: 'notifyPartition = :partition AND notifyAt < :before',
          ExpressionAttributeValues: marshall({ ':partition': partitionName(partition), ':before': dueBefore }),
          Limit: limit,
        }),
        signal && { abortSignal: signal },
      )
      return Items.map(item => {
        const { owner, uploadId, notifyAt } = unmarshall(item) as { owner: string; uploadId: string; notifyAt: number }
        return { owner, uploadId, dueAt: notifyAt }
      })
    },

    async claim({ owner, uploadId, dueAt }, until) {
      const claim = new UpdateItemCommand({
        TableName: table,
        Key: itemKey({ owner, uploadId }),
        UpdateExpression: 'SET notifyAt = :until ADD attempts :one',
        ConditionExpression: 'notifyAt = :seen',
        ExpressionAttributeValues: marshall({ ':until': until, ':seen': dueAt, ':one': 1 }),
        ReturnValues: 'ALL_NEW',
      })
      const reply = await unlessRefused(() => dynamodb.send(claim))
      if (!reply?.Attributes) return undefined
      const { bucket, key, event, partitionKey, since, attempts } = unmarshall(reply.Attributes) as ParkedScan &
        ObjectRef
      return { owner, uploadId, dueAt: until, object: { bucket, key }, event, partitionKey, since, attempts }
    },

    async postpone({ owner, uploadId, dueAt }, next) {
      const update = new UpdateItemCommand({
        TableName: table,
        Key: itemKey({ owner, uploadId }),
        UpdateExpression: 'SET notifyAt = :next',
        ConditionExpression: 'notifyAt = :mine',
        ExpressionAttributeValues: marshall({ ':next': dueTime(next), ':mine': dueAt }),
      })
      await conditionally(() => dynamodb.send(update))
    },

    async remove(object) {
      await dynamodb.send(new DeleteItemCommand({ TableName: table, Key: placeOf(object).key }))
    },

    async giveUp({ owner, uploadId, dueAt }) {
      const forgetAt = Math.floor(now() / 1_000) + REMEMBERED_DAYS * 86_400
      const update = new UpdateItemCommand({
        TableName: table,
        Key: itemKey({ owner, uploadId }),
        UpdateExpression: 'SET forgetAt = :forgetAt REMOVE notifyPartition, notifyAt',
        ConditionExpression: 'notifyAt = :mine',
        ExpressionAttributeValues: marshall({ ':forgetAt': forgetAt, ':mine': dueAt }),
      })
      await conditionally(() => dynamodb.send(update))
    },
  }
}

/** Returns where the item of an object is, and its partition of the index. */
function placeOf({ bucket, key }: ObjectRef): { key: Record<string, AttributeValue>; partition: string } {
  const digest = createHash('sha256')
    .update(JSON.stringify([bucket, key]))
    .digest()
  const partition = partitionName((digest[0] ?? 0) % SCAN_PARTITIONS)
  const hex = digest.toString('hex')
  // Many owners, so that no partition of the table gets all writes.
  return { key: itemKey({ owner: `scanning#${hex.slice(0, 2)}`, uploadId: hex }), partition }
}
