import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import type { PendingUpload } from './pending.ts'
import { createPutNew } from './put-new.ts'
import {
  type ObjectRef,
  outboxPartition,
  type ProcessedObject,
  type UploadFailure,
  type UploadRecord,
} from './record.ts'

/** An upload is known by its owner and its id together: who has only one of them has nothing. */
export interface UploadKey {
  owner: string
  uploadId: string
}

/** The upload records. */
export interface UploadStore {
  /** Records an upload; one that is `stored` with its outbox mark. Doing it again changes nothing. */
  create(record: UploadRecord): Promise<void>
  /** The record as it is now, or undefined where this owner has no such upload. Rejects when the signal fires. */
  get(key: UploadKey, signal?: AbortSignal): Promise<UploadRecord | PendingUpload | undefined>
  /**
   * The event is not known to be on the stream: sets the outbox mark, and the status from `queued` to `stored`. Resolves to
   * false where the upload is not `queued`: then its event has been seen, or it was never recorded.
   */
  markStored(key: UploadKey): Promise<boolean>
  /** The event is on the stream: takes the outbox mark off, and the status from `stored` to `queued`. */
  markQueued(key: UploadKey): Promise<void>
  /**
   * The end of an upload, told by an event of the object `source`. Resolves to false where there is no record of the upload,
   * or its object is another: whoever may write events must not end an upload by naming what is not its object.
   */
  markProcessed(key: UploadKey, source: ObjectRef, processed: ProcessedObject): Promise<boolean>
  /** The other end. Never undoes `processed`. Resolves to false as above, and where the upload is processed. */
  markFailed(key: UploadKey, source: ObjectRef, failure: UploadFailure): Promise<boolean>
  /**
   * Uploads of one outbox partition that were recorded before `before` (ISO 8601) and still have their mark, oldest first.
   * Rejects when the signal fires.
   */
  listOutbox(query: { partition: string; before: string; limit: number }, signal?: AbortSignal): Promise<UploadRecord[]>
  /**
   * Reserves an upload of the outbox for one relay until `until` (epoch ms). Resolves to false where another has it or its
   * mark is gone.
   */
  claimOutbox(key: UploadKey, claim: { now: number; until: number }): Promise<boolean>
}

export interface UploadStoreSettings {
  dynamodb: DynamoDBClient
  table: string
  now?: () => Date
}

export function createUploadStore({ dynamodb, table, now = () => new Date() }: UploadStoreSettings): UploadStore {
  const putNew = createPutNew(dynamodb, table)
  const keyOf = ({ owner, uploadId }: UploadKey) => ({ owner: { S: owner }, uploadId: { S: uploadId } })

  /** Resolves to whether the condition held. */
  async function update(key: UploadKey, change: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>): Promise<boolean> {
    return conditionally(() => dynamodb.send(new UpdateItemCommand({ TableName: table, Key: keyOf(key), ...change })))
  }

  return {
    async create(record) {
      const mark = record.status === 'stored' ? { outboxPartition: outboxPartition(record.uploadId) } : {}
      // The id is new and unguessable: if it is there already, an earlier try of this very write put it there.
      await conditionally(() => putNew(marshall({ ...record, ...mark }, MARSHALL)))
    },

    async get(key, signal) {
      const { Item } = await dynamodb.send(
        new GetItemCommand({ TableName: table, Key: keyOf(key), ConsistentRead: true }),
        signal && { abortSignal: signal },
      )
      return Item ? (toRecord(unmarshall(Item)) as UploadRecord | PendingUpload) : undefined
    },

    markStored(key) {
      return update(key, {
        UpdateExpression: 'SET #status = :stored, updatedAt = :now, outboxPartition = :partition',
        // A repeated write whose first reply was lost finds `stored`, and that is what it wanted.
        ConditionExpression: '#status IN (:queued, :stored)',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: marshall({
          ':queued': 'queued',
          ':stored': 'stored',
          ':partition': outboxPartition(key.uploadId),
          ':now': now().toISOString(),
        }),
      })
    },

    async markQueued(key) {
      // The worker may have been faster: then there is nothing left to mark.
      await update(key, {
        UpdateExpression: 'SET #status = :queued, updatedAt = :now REMOVE outboxPartition, outboxClaimedUntil',
        ConditionExpression: '#status = :stored',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: marshall({ ':queued': 'queued', ':stored': 'stored', ':now': now().toISOString() }),
      })
    },

    async markProcessed(key, source, processed) {
      if (!isText(source)) return false
      return update(key, {
        UpdateExpression:
          'SET #status = :processed, #processed = :object, updatedAt = :now REMOVE outboxPartition, outboxClaimedUntil, failure',
        ConditionExpression: HAS_SOURCE,
        ExpressionAttributeNames: { ...SOURCE_NAMES, '#status': 'status', '#processed': 'processed' },
        ExpressionAttributeValues: marshall({
          ...sourceValues(source),
          ':processed': 'processed',
          ':object': processed,
          ':now': now().toISOString(),
        }),
      })
    },

    async markFailed(key, source, failure) {
      if (!isText(source)) return false
      return update(key, {
        UpdateExpression:
          'SET #status = :failed, failure = :failure, updatedAt = :now REMOVE outboxPartition, outboxClaimedUntil',
        ConditionExpression: `${HAS_SOURCE} AND #status <> :processed`,
        ExpressionAttributeNames: { ...SOURCE_NAMES, '#status': 'status' },
        ExpressionAttributeValues: marshall({
          ...sourceValues(source),
          ':failed': 'failed',
          ':processed': 'processed',
          ':failure': failure,
          ':now': now().toISOString(),
        }),
      })
    },

    async listOutbox({ partition, before, limit }, signal) {
      const { Items = [] } = await dynamodb.send(
        new QueryCommand({
          TableName: table,
          IndexName: 'outbox',
          KeyConditionExpression: 'outboxPartition = :partition AND uploadedAt < :before',
          ExpressionAttributeValues: marshall({ ':partition': partition, ':before': before }),
          Limit: limit,
        }),
        signal && { abortSignal: signal },
      )
      return Items.map(item => toRecord(unmarshall(item)))
    },

    claimOutbox(key, { now: at, until }) {
      return update(key, {
        UpdateExpression: 'SET outboxClaimedUntil = :until',
        ConditionExpression:
          'attribute_exists(outboxPartition) AND (attribute_not_exists(outboxClaimedUntil) OR outboxClaimedUntil < :at)',
        ExpressionAttributeValues: marshall({ ':until': until, ':at': at }),
      })
    },
  }
}

/** That there is a record, and that its object is the one that the event named. */
const HAS_SOURCE = '#bucket = :bucket AND #key = :key'
const SOURCE_NAMES = { '#bucket': 'bucket', '#key': 'key' } as const
const sourceValues = ({ bucket, key }: ObjectRef) => ({ ':bucket': bucket, ':key': key })

/** No record has a source that is not well-formed, and DynamoDB would refuse the request instead of the condition. */
const isText = ({ bucket, key }: ObjectRef) => bucket.isWellFormed() && key.isWellFormed()

const MARSHALL = { removeUndefinedValues: true }

/** Resolves to whether the condition of the write held. */
export async function conditionally(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write()
    return true
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false
    throw error
  }
}

/** The record without what only the stores use. */
export function toRecord(item: Record<string, unknown>): UploadRecord {
  const { outboxPartition: _partition, outboxClaimedUntil: _claim, ...rest } = item
  const { arrival: _arrival, lockToken: _token, lockedUntil: _until, lockWanted: _wanted, ...record } = rest
  return record as unknown as UploadRecord
}
