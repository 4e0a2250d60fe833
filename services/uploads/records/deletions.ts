import { type DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { conditionally } from './conditional-write.ts'
import { type DeletedUpload, type ObjectRef, outboxPartition } from './record.ts'
import { itemKey, type UploadKey } from './store.ts'
import { deletedFrom, hadSource, isDeleted, tombstone } from './tombstone.ts'

/** How an upload is deleted: first nobody sees it any more, then its objects go, then it is forgotten but for a tombstone. */
export interface Deletions {
  /**
   * Hides the upload from everybody, for good. Doing it again gives the same. One that is `pending` is not for here: what there
   * is of it is not an object yet.
   *
   * @returns what is left to do by `complete`, or undefined where this owner never had the upload, or it is pending
   */
  begin(key: UploadKey): Promise<DeletedUpload | undefined>
  /** Removes what lies in S3 and forgets the rest. Whoever dies half way leaves the mark by which the outbox relay goes on. */
  complete(deleted: DeletedUpload): Promise<void>
  /** Whether the upload is deleted and `source` was its object. */
  has(key: UploadKey, source: ObjectRef): Promise<boolean>
}

export interface DeletionSettings {
  dynamodb: DynamoDBClient
  table: string
  /** Removes an upload's object. Resolves too if the object is gone or belongs to another upload. */
  removeObject(object: ObjectRef, uploadId: string): Promise<void>
  /** Removes the outputs of an upload from the buckets, except the main one. */
  removeOutputs(source: ObjectRef, uploadId: string, buckets: readonly string[]): Promise<unknown>
  now?: () => Date
}

export function createDeletions(settings: DeletionSettings): Deletions {
  const { dynamodb, table, removeObject, removeOutputs, now = () => new Date() } = settings

  async function read(key: UploadKey): Promise<Record<string, unknown> | undefined> {
    const { Item } = await dynamodb.send(
      new GetItemCommand({ TableName: table, Key: itemKey(key), ConsistentRead: true }),
    )
    return Item && unmarshall(Item)
  }

  return {
    async begin(key) {
      // The mark of the outbox, again or still: from here on the relay finishes what this process may not live to.
      const hide = new UpdateItemCommand({
        TableName: table,
        Key: itemKey(key),
        UpdateExpression: 'SET #status = :deleted, updatedAt = :now, outboxPartition = :mark REMOVE outboxClaimedUntil',
        ConditionExpression: 'attribute_exists(uploadId) AND NOT #status IN (:deleted, :pending)',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: marshall({
          ':deleted': 'deleted',
          ':pending': 'pending',
          ':now': now().toISOString(),
          ':mark': outboxPartition(key.uploadId),
        }),
      })
      await conditionally(() => dynamodb.send(hide))
      // Read again, whatever came of it: a lost reply, and a deletion that somebody began earlier, end here as well.
      const item = await read(key)
      return item && isDeleted(item) ? deletedFrom(item) : undefined
    },

    async complete(deleted) {
      if (deleted.objects.length === 0) return
      const { objects, uploadId } = deleted
      await Promise.all(objects.map(object => removeObject(object, uploadId)))
      const [source, ...made] = objects
      // Then what the record does not tell of. Of an upload that was never processed, a worker that finds the tombstone does it.
      if (source) await removeOutputs(source, uploadId, [...new Set(made.map(({ bucket }) => bucket))])
      const writeTombstone = new PutItemCommand({
        TableName: table,
        Item: marshall(tombstone(deleted, now())),
        // Somebody else may have finished it, and time to live may have taken what they left.
        ConditionExpression: '#status = :deleted AND attribute_exists(#key)',
        ExpressionAttributeNames: { '#status': 'status', '#key': 'key' },
        ExpressionAttributeValues: marshall({ ':deleted': 'deleted' }),
      })
      await conditionally(() => dynamodb.send(writeTombstone))
    },

    async has(key, source) {
      const item = await read(key)
      return item !== undefined && isDeleted(item) && hadSource(item, source)
    },
  }
}
