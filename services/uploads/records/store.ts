import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { createDirectOrSdk } from '../../platform/direct/direct-or-sdk.ts'
import { UploadGivenUpError } from '../errors.ts'
import { type NewNotification, reportOwed } from '../notifications/owed.ts'
import { conditionally, unlessRefused } from './conditional-write.ts'
import { failedChange, HAS_SOURCE, processedChange, SOURCE_NAMES, sourceValues } from './final-status.ts'
import { createQueryOutbox, type OutboxQuery } from './outbox-index.ts'
import {
  type Findings,
  type ObjectRef,
  type OutboxEntry,
  outboxPartition,
  type PendingUpload,
  type ProcessedObject,
  type ProcessingResult,
  type UploadFailure,
  type UploadRecord,
} from './record.ts'
import { toRecord } from './to-record.ts'
import { deletedFrom, isDeleted } from './tombstone.ts'
import { encodeTrail, type Trail } from './trail.ts'

/** Identifies an upload. Both parts are needed: an id alone finds nothing. */
export interface UploadKey {
  owner: string
  uploadId: string
}

/** The result of marking the end of an upload. `again`: the upload had ended before. */
export type MarkResult = 'refused' | 'first' | 'again'

/** The upload records. Methods that take a signal reject when it fires. */
export interface UploadStore {
  /**
   * Creates a record. A record that is `stored` gets an outbox mark. To create it again changes nothing.
   *
   * @throws UploadGivenUpError if the id belongs to an upload that was deleted or swept
   */
  create(record: UploadRecord): Promise<void>
  /** Reads a record. Undefined if this owner has no such upload, or has deleted it. */
  get(key: UploadKey, signal?: AbortSignal): Promise<UploadRecord | PendingUpload | undefined>
  /**
   * Sets the outbox mark and changes `queued` to `stored`, for an event that may not be on the stream. Resolves to false if the upload
   * is not `queued`: a worker has its event, or it was never recorded.
   */
  markStored(key: UploadKey): Promise<boolean>
  /** Removes the outbox mark and changes `stored` to `queued`, for an event that is on the stream. */
  markQueued(key: UploadKey): Promise<void>
  /**
   * Changes `stored`, `queued` or `scanning` to `processing`. Changes nothing if the upload has another status or another object.
   *
   * @param failed an attempt that failed and is retried. It is also recorded if the upload is `processing` already
   */
  markProcessing(key: UploadKey, source: ObjectRef, signal?: AbortSignal, failed?: Trail): Promise<void>
  /**
   * Changes the status to `processed`. Refused if there is no record, the upload has not arrived, is deleted or quarantined, or its object is not
   * `source`: an event must not end an upload whose object it does not name.
   *
   * @param processed the main output, if it is an object
   * @param result all outputs, and the transform that wrote them
   * @param trail how the worker processed the upload
   * @param notify a notification that the record owes from now on
   */
  markProcessed(
    key: UploadKey,
    source: ObjectRef,
    processed: ProcessedObject | undefined,
    result?: ProcessingResult,
    trail?: Trail,
    notify?: NewNotification,
  ): Promise<MarkResult>
  /**
   * Changes the status to `failed`. Resolves to false if that is refused as above, or if the upload is `processed`.
   *
   * @param findings what the worker found, to be recorded even though the upload failed
   */
  markFailed(
    key: UploadKey,
    source: ObjectRef,
    failure: UploadFailure,
    trail?: Trail,
    notify?: NewNotification,
    findings?: Findings,
  ): Promise<boolean>
  /**
   * Changes `failed` to `queued` and removes the failure, for an event that was put on the stream again. Resolves to false if the upload
   * changed since `failed` was read. The record keeps the time of the redrive in both cases.
   */
  markRedriven(failed: UploadKey & { updatedAt: string }): Promise<boolean>
  /** Lists uploads of one outbox partition that were recorded before a time and have a mark, oldest first, deleted ones included. */
  listOutbox(query: OutboxQuery, signal?: AbortSignal): Promise<OutboxEntry[]>
  /** Claims an upload of the outbox until `until` (epoch ms). Resolves to false if another relay has it or it has no mark. */
  claimOutbox(key: UploadKey, claim: { now: number; until: number }): Promise<boolean>
}

export interface UploadStoreSettings {
  dynamodb: DynamoDBClient
  table: string
  now?: () => Date
}

export function createUploadStore({ dynamodb, table, now = () => new Date() }: UploadStoreSettings): UploadStore {
  // Every upload is created once and marked once at its end: these two writes are made directly.
  const directOrSdk = createDirectOrSdk(dynamodb.config, {
    name: 'dynamodb',
    contentType: 'application/x-amz-json-1.0',
    target: 'DynamoDB_20120810',
    resolveEndpoint: () => getEndpointFromInstructions({ TableName: table }, UpdateItemCommand, dynamodb.config),
  })
  const queryOutbox = createQueryOutbox(dynamodb, table)

  /** Resolves to true if the condition held. */
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
      const put = {
        TableName: table,
        Item: marshall({ ...record, ...mark }, MARSHALL),
        ConditionExpression: 'attribute_not_exists(uploadId)',
      }
      const isNew = await conditionally(() => directOrSdk('PutItem', put, () => dynamodb.send(new PutItemCommand(put))))
      if (isNew) return
      // The id is new and unguessable. An item under it comes from an earlier attempt of this write whose reply was lost, or is a
      // tombstone. An upload that is taken for recorded although it has a tombstone would be lost.
      const item = await read(record)
      if (!item || isDeleted(item))
        throw new UploadGivenUpError('The upload was deleted or swept. Nothing was accepted.')
    },

    async get(key, signal) {
      const item = await read(key, signal)
      return item && !isDeleted(item) ? (toRecord(item) as UploadRecord | PendingUpload) : undefined
    },

    markStored(key) {
      return update(key, {
        UpdateExpression: 'SET #status = :stored, updatedAt = :now, outboxPartition = :partition',
        // `stored`: a repeated write whose first reply was lost.
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
      // If the worker was faster, the condition fails and nothing is left to mark.
      await update(key, {
        UpdateExpression: 'SET #status = :queued, updatedAt = :now REMOVE outboxPartition, outboxClaimedUntil',
        ConditionExpression: '#status = :stored',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: marshall({ ':queued': 'queued', ':stored': 'stored', ':now': now().toISOString() }),
      })
    },

    async markProcessing(key, source, signal, failed) {
      if (!isText(source)) return
      await update(
        key,
        {
          UpdateExpression: `SET #status = :processing, updatedAt = :now${failed ? ', trail = :trail' : ''} REMOVE outboxPartition, outboxClaimedUntil`,
          ConditionExpression: `${HAS_SOURCE} AND #status IN (:stored, :queued, :scanning${failed ? ', :processing' : ''})`,
          ExpressionAttributeNames: { ...SOURCE_NAMES, '#status': 'status' },
          ExpressionAttributeValues: {
            ...marshall({ ...sourceValues(source), ':now': now().toISOString() }),
            ...marshall({ ':processing': 'processing', ':stored': 'stored', ':queued': 'queued' }),
            ':scanning': { S: 'scanning' },
            ...(failed && { ':trail': encodeTrail(failed) }),
          },
        },
        signal,
      )
    },

    async markProcessed(key, source, processed, result, trail, notify) {
      if (!isText(source)) return 'refused'
      const end = { uploadId: key.uploadId, source, at: now().toISOString(), trail, notify }
      const { update, changed } = processedChange(end, processed, result)
      const input = { TableName: table, Key: itemKey(key), ...update }
      const reply = await unlessRefused(() =>
        directOrSdk<{ Attributes?: Record<string, AttributeValue> | undefined }>('UpdateItem', input, () =>
          dynamodb.send(new UpdateItemCommand(input)),
        ),
      )
      if (!reply) return 'refused'
      const before = reply.Attributes ?? {}
      if (notify) reportOwed(notify, unmarshall(before), changed, toRecord)
      return before.status?.S === 'processed' || before.status?.S === 'failed' ? 'again' : 'first'
    },

    async markFailed(key, source, failure, trail, notify, findings = {}) {
      if (!isText(source)) return false
      const end = { uploadId: key.uploadId, source, at: now().toISOString(), trail, notify }
      const { update, changed } = failedChange(end, failure, findings)
      const command = new UpdateItemCommand({ TableName: table, Key: itemKey(key), ...update })
      const reply = await unlessRefused(() => dynamodb.send(command))
      if (!reply) return false
      if (notify) reportOwed(notify, unmarshall(reply.Attributes ?? {}), changed, toRecord)
      return true
    },

    async markRedriven({ updatedAt, ...key }) {
      const at = now().toISOString()
      const isQueued = await update(key, {
        UpdateExpression: 'SET #status = :queued, updatedAt = :now, redrivenAt = :now REMOVE failure',
        ConditionExpression: '#status = :failed AND updatedAt = :seen',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: marshall({
          ':queued': 'queued',
          ':failed': 'failed',
          ':seen': updatedAt,
          ':now': at,
        }),
      })
      if (isQueued) return true
      // A worker was faster. Operators still see when the event was put on the stream again.
      await update(key, {
        UpdateExpression: 'SET redrivenAt = :now',
        ConditionExpression: 'attribute_exists(uploadId) AND #status <> :deleted',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: marshall({ ':now': at, ':deleted': 'deleted' }),
      })
      return false
    },

    async listOutbox(query, signal) {
      return (await queryOutbox(query, signal)).map(item => (isDeleted(item) ? deletedFrom(item) : toRecord(item)))
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

/** DynamoDB rejects a request with text that is not well-formed. No record has such a source. */
const isText = ({ bucket, key }: ObjectRef) => bucket.isWellFormed() && key.isWellFormed()

const MARSHALL = { removeUndefinedValues: true }

/** Returns the key of an upload's item. */
export function itemKey({ owner, uploadId }: UploadKey) {
  return { owner: { S: owner }, uploadId: { S: uploadId } }
}
