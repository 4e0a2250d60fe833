import {
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { UploadGivenUpError } from '../errors.ts'
import type { PendingUpload } from '../pending/pending.ts'
import { conditionally, unlessRefused } from './conditional-write.ts'
import { createQueryOutbox, type OutboxQuery } from './outbox-index.ts'
import { createPutNew } from './put-new.ts'
import {
  type ObjectRef,
  type OutboxEntry,
  outboxPartition,
  type ProcessedObject,
  type ProcessingResult,
  type UploadFailure,
  type UploadRecord,
} from './record.ts'
import { deletedFrom, isDeleted } from './tombstone.ts'
import { createUpdateItem } from './update-item.ts'

/** An upload is known by its owner and its id together: who has only one of them has nothing. */
export interface UploadKey {
  owner: string
  uploadId: string
}

/** What came of marking the end of an upload: `again` where it had come to one before. */
export type MarkResult = 'refused' | 'first' | 'again'

/** The upload records. */
export interface UploadStore {
  /**
   * Records an upload; one that is `stored` with its outbox mark. Doing it again changes nothing.
   *
   * @throws UploadGivenUpError where the id is that of a deleted upload, or of one that was swept: nothing is recorded
   */
  create(record: UploadRecord): Promise<void>
  /**
   * The record as it is now, or undefined where this owner has no such upload, or has deleted it. Rejects when the signal
   * fires.
   */
  get(key: UploadKey, signal?: AbortSignal): Promise<UploadRecord | PendingUpload | undefined>
  /**
   * The event is not known to be on the stream: sets the outbox mark, and the status from `queued` to `stored`. Resolves to
   * false where the upload is not `queued`: then its event has been seen, or it was never recorded.
   */
  markStored(key: UploadKey): Promise<boolean>
  /** The event is on the stream: takes the outbox mark off, and the status from `stored` to `queued`. */
  markQueued(key: UploadKey): Promise<void>
  /**
   * A worker is at it, told by an event of the object `source`: from `stored` or `queued` to `processing`. Changes nothing
   * where the upload is anything else, or there is none. Rejects when the signal fires.
   */
  markProcessing(key: UploadKey, source: ObjectRef, signal?: AbortSignal): Promise<void>
  /**
   * The end of an upload, told by an event of the object `source`. It is refused where there is no record of the upload, it has not
   * arrived or is deleted, or its object is another: whoever may write events must not end an upload by naming what is not its object.
   *
   * @param processed the main output, where it is an object
   * @param made all that was made, and by what
   */
  markProcessed(
    key: UploadKey,
    source: ObjectRef,
    processed: ProcessedObject | undefined,
    made?: ProcessingResult,
  ): Promise<MarkResult>
  /** The other end. Never undoes `processed`. Resolves to false where that is refused, and where the upload is processed. */
  markFailed(key: UploadKey, source: ObjectRef, failure: UploadFailure): Promise<boolean>
  /**
   * The event of a failed upload was put on the stream again: from `failed` to `queued`, its failure forgotten. Resolves to false
   * where the upload is not as it was when `failed` was read: it may have been processed since, or have failed anew.
   */
  markRedriven(failed: UploadKey & { updatedAt: string }): Promise<boolean>
  /**
   * Uploads of one outbox partition that were recorded before a time and still have their mark, oldest first, deleted ones
   * among them. Rejects when the signal fires.
   */
  listOutbox(query: OutboxQuery, signal?: AbortSignal): Promise<OutboxEntry[]>
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
  const updateItem = createUpdateItem(dynamodb, table)
  const queryOutbox = createQueryOutbox(dynamodb, table)

  /** Resolves to whether the condition held. */
  async function update(
    key: UploadKey,
    change: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const command = new UpdateItemCommand({ TableName: table, Key: itemKey(key), ...change })
    return conditionally(() => dynamodb.send(command, signal && { abortSignal: signal }))
  }

  async function read(key: UploadKey, signal?: AbortSignal): Promise<Record<string, unknown> | undefined> {
    const { Item } = await dynamodb.send(
      new GetItemCommand({ TableName: table, Key: itemKey(key), ConsistentRead: true }),
      signal && { abortSignal: signal },
    )
    return Item && unmarshall(Item)
  }

  return {
    async create(record) {
      const mark = record.status === 'stored' ? { outboxPartition: outboxPartition(record.uploadId) } : {}
      if (await conditionally(() => putNew(marshall({ ...record, ...mark }, MARSHALL)))) return
      // The id is new and unguessable: if it is there already, an earlier try of this very write put it there. Or it is a
      // tombstone, and whoever took the upload for recorded would lose it.
      const item = await read(record)
      if (!item || isDeleted(item)) throw new UploadGivenUpError('The upload was given up. Nothing was accepted.')
    },

    async get(key, signal) {
      const item = await read(key, signal)
      return item && !isDeleted(item) ? (toRecord(item) as UploadRecord | PendingUpload) : undefined
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

    async markProcessing(key, source, signal) {
      if (!isText(source)) return
      await update(
        key,
        {
          UpdateExpression: 'SET #status = :processing, updatedAt = :now REMOVE outboxPartition, outboxClaimedUntil',
          ConditionExpression: `${HAS_SOURCE} AND #status IN (:stored, :queued)`,
          ExpressionAttributeNames: { ...SOURCE_NAMES, '#status': 'status' },
          ExpressionAttributeValues: marshall({
            ...sourceValues(source),
            ':processing': 'processing',
            ':stored': 'stored',
            ':queued': 'queued',
            ':now': now().toISOString(),
          }),
        },
        signal,
      )
    },

    async markProcessed(key, source, processed, made) {
      if (!isText(source)) return 'refused'
      const values = { processed, outputs: made?.outputs, transform: made?.transform }
      // What is not there any more goes: a transform that was replaced may have made other things.
      const given = Object.entries(values).filter(([, value]) => value !== undefined)
      const gone = Object.entries(values).filter(([, value]) => value === undefined)
      const sets = given.map(([name]) => `#${name} = :${name}`).join(', ')
      const removes = ['outboxPartition', 'outboxClaimedUntil', 'failure', ...gone.map(([name]) => `#${name}`)].join(
        ', ',
      )
      const change = {
        Key: itemKey(key),
        UpdateExpression: `SET #status = :done, updatedAt = :now${sets && `, ${sets}`} REMOVE ${removes}`,
        ConditionExpression: `${HAS_SOURCE} AND NOT #status IN (:deleted, :pending)`,
        ReturnValues: 'UPDATED_OLD' as const,
        ExpressionAttributeNames: {
          ...SOURCE_NAMES,
          '#status': 'status',
          ...Object.fromEntries(Object.keys(values).map(name => [`#${name}`, name])),
        },
        ExpressionAttributeValues: marshall(
          {
            ...sourceValues(source),
            ':done': 'processed',
            ':deleted': 'deleted',
            ':pending': 'pending',
            ':now': now().toISOString(),
            ...Object.fromEntries(given.map(([name, value]) => [`:${name}`, value])),
          },
          MARSHALL,
        ),
      }
      const before = await unlessRefused(() => updateItem(change))
      if (!before) return 'refused'
      return before.status?.S === 'processed' || before.status?.S === 'failed' ? 'again' : 'first'
    },

    async markFailed(key, source, failure) {
      if (!isText(source)) return false
      return update(key, {
        UpdateExpression:
          'SET #status = :failed, failure = :failure, updatedAt = :now REMOVE outboxPartition, outboxClaimedUntil',
        ConditionExpression: `${HAS_SOURCE} AND NOT #status IN (:processed, :deleted, :pending)`,
        ExpressionAttributeNames: { ...SOURCE_NAMES, '#status': 'status' },
        ExpressionAttributeValues: marshall({
          ...sourceValues(source),
          ':failed': 'failed',
          ':processed': 'processed',
          ':deleted': 'deleted',
          ':pending': 'pending',
          ':failure': failure,
          ':now': now().toISOString(),
        }),
      })
    },

    markRedriven({ updatedAt, ...key }) {
      return update(key, {
        UpdateExpression: 'SET #status = :queued, updatedAt = :now REMOVE failure',
        ConditionExpression: '#status = :failed AND updatedAt = :seen',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: marshall({
          ':queued': 'queued',
          ':failed': 'failed',
          ':seen': updatedAt,
          ':now': now().toISOString(),
        }),
      })
    },

    async listOutbox(query, signal) {
      return (await queryOutbox(query, signal)).map(toEntry)
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

/** The key of an upload's item. */
export function itemKey({ owner, uploadId }: UploadKey) {
  return { owner: { S: owner }, uploadId: { S: uploadId } }
}

function toEntry(item: Record<string, unknown>): OutboxEntry {
  return isDeleted(item) ? deletedFrom(item) : toRecord(item)
}

/** The record without what only the stores use. */
export function toRecord(item: Record<string, unknown>): UploadRecord {
  const { outboxPartition: _partition, outboxClaimedUntil: _claim, ...rest } = item
  const { arrival: _arrival, lockToken: _token, lockedUntil: _until, lockWanted: _wanted, ...record } = rest
  return record as unknown as UploadRecord
}
