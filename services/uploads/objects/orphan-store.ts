import { BatchGetItemCommand, type DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { conditionally } from '../records/conditional-write.ts'
import { type ObjectRef, outboxPartition } from '../records/record.ts'
import { itemKey, type UploadKey } from '../records/store.ts'
import { tombstone } from '../records/tombstone.ts'

/** What the table has of an upload, as far as it tells whether something in S3 is a stray. */
export interface UploadState {
  status: string
  /** Of the upload's object. None once a deletion is finished. */
  key?: string
  /** ISO 8601, UTC. */
  updatedAt?: string
  /** Of an upload on its way. */
  arrival?: { multipartId?: string; tail?: { key: string } }
}

/** What the table says of uploads that something in S3 names, and what may be done about those that nobody goes on with. */
export interface OrphanStore {
  /** Resolves to what there is of the given uploads, by `nameOf`. Rejects when the signal fires. */
  lookUp(keys: readonly UploadKey[], signal?: AbortSignal): Promise<Map<string, UploadState>>
  /** Hands an upload that waits in vain to the outbox relay. Resolves to false where it has come to its end meanwhile. */
  requeue(key: UploadKey): Promise<boolean>
  /**
   * Gives an upload up that nobody has recorded: from then on nobody can. Resolves to false where it has been recorded
   * meanwhile. Doing it again gives true again.
   */
  giveUp(key: UploadKey, object: ObjectRef): Promise<boolean>
}

/** DynamoDB's limit on a request. */
const BATCH = 100

/** Requests for what DynamoDB did not come to; then it is busy, and the sweep goes on later. */
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
      if (tries > TRIES) throw new Error(`DynamoDB did not come to ${left.length} of ${keys.length} items.`)
      const { Responses, UnprocessedKeys } = await dynamodb.send(
        new BatchGetItemCommand({
          RequestItems: {
            [table]: {
              Keys: left,
              // What was recorded a moment ago must not look like a stray.
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
        // An earlier try may have arrived, its reply lost.
        ConditionExpression: 'attribute_not_exists(uploadId) OR #status = :deleted',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: marshall({ ':deleted': 'deleted' }),
      })
      return conditionally(() => dynamodb.send(writeTombstone))
    },
  }
}
