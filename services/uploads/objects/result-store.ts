import { hash } from 'node:crypto'
import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandOutput,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { pages } from '../../platform/pages.ts'
import { conditionally } from '../records/conditional-write.ts'
import type { ObjectRef, TransformIdentity } from '../records/record.ts'
import { itemKey } from '../records/store.ts'

/** Maximum size of a result, in bytes. An item of DynamoDB has at most 400 KB, attributes included. */
export const MAX_RESULT_BYTES = 350 * 1024

/** A small output, as an item of the table. */
export interface Result {
  /** The output's name. */
  name: string
  contentType: string
  contentEncoding?: string | undefined
  filename?: string | undefined
  body: Uint8Array
  /** The id of its upload, if known. */
  madeOf?: string | undefined
  /** The object of the upload from which the result was created. */
  source: ResultSource
  transform: TransformIdentity
}

export interface ResultSource extends ObjectRef {
  etag?: string | undefined
  versionId?: string | undefined
  /** Lower-case hex. */
  sha256?: string | undefined
}

/** Outputs that are items of the table of uploads, by their source object and name. */
export interface ResultStore {
  /** Writes a result. To write it again gives the same item. Rejects when the signal fires. */
  put(result: Result, signal?: AbortSignal): Promise<void>
  /** Reads a result. Returns undefined if the item does not exist or belongs to another upload. */
  get(source: ObjectRef, name: string, uploadId: string): Promise<Result | undefined>
  /** Removes the upload's results, except those to keep. Resolves to the names of both. */
  removeAll(
    source: ObjectRef,
    uploadId: string,
    keep?: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<{ kept: Set<string>; removed: Set<string> }>
}

export function createResultStore({ dynamodb, table }: { dynamodb: DynamoDBClient; table: string }): ResultStore {
  return {
    async put(result, signal) {
      const { name, body, ...rest } = result
      const more = { ...rest, size: body.byteLength, sha256: hash('sha256', body) }
      const Item = { ...keyOf(result.source, name), ...marshall({ ...more, body }, { removeUndefinedValues: true }) }
      await dynamodb.send(new PutItemCommand({ TableName: table, Item }), signal && { abortSignal: signal })
    },

    async get(source, name, uploadId) {
      const { Item } = await dynamodb.send(
        new GetItemCommand({ TableName: table, Key: keyOf(source, name), ConsistentRead: true }),
      )
      const result = Item && toResult(Item)
      return result?.madeOf === uploadId ? result : undefined
    },

    async removeAll(source, uploadId, keep = new Set(), signal) {
      const [kept, removed] = [new Set<string>(), new Set<string>()]
      const query = {
        TableName: table,
        KeyConditionExpression: '#owner = :owner',
        ProjectionExpression: 'uploadId',
        ExpressionAttributeNames: { '#owner': 'owner' },
        ExpressionAttributeValues: { ':owner': keyOf(source, '').owner },
        ConsistentRead: true,
      }
      const listing = pages<QueryCommandOutput, Record<string, AttributeValue>>({
        operation: 'Query',
        fetch: marker => {
          const command = new QueryCommand({ ...query, ...(marker && { ExclusiveStartKey: marker }) })
          return dynamodb.send(command, signal && { abortSignal: signal })
        },
        next: ({ LastEvaluatedKey }) => LastEvaluatedKey,
        signal,
      })
      for await (const { Items = [] } of listing) {
        for (const { uploadId: item } of Items) {
          signal?.throwIfAborted()
          const name = item?.S ?? ''
          if (keep.has(name)) kept.add(name)
          else {
            await remove(keyOf(source, name), uploadId)
            removed.add(name)
          }
        }
      }
      return { kept, removed }
    },
  }

  /** With a flat key template the result may belong to another upload by now. */
  async function remove(Key: ReturnType<typeof keyOf>, uploadId: string): Promise<void> {
    const command = new DeleteItemCommand({
      TableName: table,
      Key,
      ConditionExpression: 'madeOf = :uploadId',
      ExpressionAttributeValues: { ':uploadId': { S: uploadId } },
    })
    await conditionally(() => dynamodb.send(command))
  }
}

/** Results lie in the table of uploads, under an owner with a `#`, which no token has. */
function keyOf({ bucket, key }: ObjectRef, name: string) {
  return itemKey({ owner: `result#${bucket}/${key}`, uploadId: name })
}

function toResult(item: Record<string, AttributeValue>): Result {
  const { owner: _owner, uploadId: name, size: _size, sha256: _sha256, ...rest } = unmarshall(item)
  return { name, ...rest } as Result
}
