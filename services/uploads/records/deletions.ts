import { type DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { conditionally } from './conditional-write.ts'
import { type DeletedUpload, type ObjectRef, outboxPartition } from './record.ts'
import { itemKey, type UploadKey } from './store.ts'
import { deletedFrom, hadSource, isDeleted, tombstone } from './tombstone.ts'

/** Deletes uploads in three steps: hide the upload, remove its objects, and replace the record by a tombstone. */
export interface Deletions {
  /**
   * Hides the upload for good. To hide it again gives the same result. Does not apply to a `pending` upload, which has no object.
   *
   * @returns the argument of `complete`, or undefined if this owner never had the upload, or it is pending
   */
  begin(key: UploadKey): Promise<DeletedUpload | undefined>
  /** Removes the objects and writes the tombstone. If the process dies meanwhile, the outbox relay continues. */
  complete(deleted: DeletedUpload): Promise<void>
  /** Resolves to true if the upload is deleted and `source` was its object. */
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
      // With the outbox mark, the relay finishes the deletion if this process dies.
      const hide = new UpdateItemCommand({
        TableName: table,
        Key: itemKey(key),
        // No notification is sent from now on. The tombstone removes those that are owed.
        UpdateExpression:
          'SET #status = :deleted, updatedAt = :now, outboxPartition = :mark REMOVE outboxClaimedUntil, notifyPartition, notifyAt',
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
      // Read in any case: the reply may have been lost, or the upload may have been deleted before.
      const item = await read(key)
      return item && isDeleted(item) ? deletedFrom(item) : undefined
    },

    async complete(deleted) {
      if (deleted.objects.length === 0) return
      const { objects, uploadId } = deleted
      await Promise.all(objects.map(object => removeObject(object, uploadId)))
      const [source, ...outputs] = objects
      // Then outputs that the record does not name. If the upload was never processed, the worker that finds the tombstone removes them.
      if (source) await removeOutputs(source, uploadId, [...new Set(outputs.map(({ bucket }) => bucket))])
      const writeTombstone = new PutItemCommand({
        TableName: table,
        Item: marshall(tombstone(deleted, now())),
        // Another process may have finished the deletion, and the tombstone may have expired.
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
