import { BatchGetItemCommand, type DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { conditionally } from '../records/conditional-write.ts'
import { type ObjectRef, outboxPartition } from '../records/record.ts'
import { itemKey, type UploadKey } from '../records/store.ts'
import { tombstone } from '../records/tombstone.ts'

/** What the record of an upload says about objects in S3 that may be orphans. */
export interface UploadState {
  status: string
  /** Key of the upload's object. Undefined once a deletion is finished. */
  key?: string
  /** ISO 8601, UTC. */
  updatedAt?: string
  /** Of a pending upload. */
  arrival?: { multipartId?: string; tail?: { key: string } }
}

/** Reads the state of uploads that objects in S3 name, and requeues or gives up abandoned uploads. */
export interface OrphanStore {
  /** Resolves to the states of the uploads that have a record, by `orphanKey`. Rejects when the signal fires. */
  lookUp(keys: readonly UploadKey[], signal?: AbortSignal): Promise<Map<string, UploadState>>
  /** Hands an upload without an event to the outbox relay. Resolves to false if the upload has ended meanwhile. */
  requeue(key: UploadKey): Promise<boolean>
  /**
   * Gives up an upload that was never recorded. From then on it can't be recorded. Resolves to false if it was recorded meanwhile. To
   * give it up again resolves to true.
   */
  giveUp(key: UploadKey, object: ObjectRef): Promise<boolean>
}

/** Maximum number of keys in a BatchGetItem request. */
const BATCH = 100

/** Maximum number of requests for a batch. If DynamoDB still leaves keys unprocessed, it is busy and the sweep continues later. */
const TRIES = 5

export function orphanKey({ owner, uploadId }: UploadKey): string {
  return `${owner}/${uploadId}`
}

export function createOrphanStore(settings: {
  dynamodb: DynamoDBClient
  table: string
  now?: () => Date
}): OrphanStore {
  const { dynamodb, table, now = () => new Date() } = settings

  async function lookUpBatch(keys: readonly UploadKey[], signal?: AbortSignal): Promise<Record<string, unknown>[]> {
    const found: Record<string, unknown>[] = []
    const names = { '#owner': 'owner', '#status': 'status', '#key': 'key' }
    let left = keys.map(itemKey)
    for (let tries = 1; left.length > 0; tries++) {
      if (tries > TRIES) throw new Error(`DynamoDB did not process ${left.length} of ${keys.length} keys.`)
      const { Responses, UnprocessedKeys } = await dynamodb.send(
        new BatchGetItemCommand({
          RequestItems: {
            [table]: {
              Keys: left,
              // An upload that was recorded a moment ago must not look like an orphan.
              ConsistentRead: true,
              ProjectionExpression: '#owner, uploadId, #status, #key, updatedAt, arrival',
              ExpressionAttributeNames: names,
            },
          },
        }),
        signal && { abortSignal: signal },
      )
      found.push(...(Responses?.[table] ?? []).map(item => unmarshall(item)))
      left = (UnprocessedKeys?.[table]?.Keys ?? []) as typeof left
    }
    return found
  }

  return {
    async lookUp(keys, signal) {
      const unique = [...new Map(keys.map(key => [orphanKey(key), key])).values()]
      const states = new Map<string, UploadState>()
      for (let at = 0; at < unique.length; at += BATCH) {
        for (const item of await lookUpBatch(unique.slice(at, at + BATCH), signal)) {
          states.set(orphanKey(item as unknown as UploadKey), item as unknown as UploadState)
        }
      }
      return states
    },

    requeue(key) {
      const update = new UpdateItemCommand({
        TableName: table,
        Key: itemKey(key),
        UpdateExpression: 'SET #status = :stored, updatedAt = :now, outboxPartition = :mark',
        ConditionExpression: '#status IN (:queued, :processing, :stored)',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: marshall({
          ':stored': 'stored',
          ':queued': 'queued',
          ':processing': 'processing',
          ':now': now().toISOString(),
          ':mark': outboxPartition(key.uploadId),
        }),
      })
      return conditionally(() => dynamodb.send(update))
    },

    giveUp({ owner, uploadId }, object) {
      const writeTombstone = new PutItemCommand({
        TableName: table,
        Item: marshall(tombstone({ owner, uploadId, status: 'deleted', objects: [object] }, now())),
        // The reply of an earlier attempt may have been lost.
        ConditionExpression: 'attribute_not_exists(uploadId) OR #status = :deleted',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: marshall({ ':deleted': 'deleted' }),
      })
      return conditionally(() => dynamodb.send(writeTombstone))
    },
  }
}
