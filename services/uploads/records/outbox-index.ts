import { type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'

/** A query of the index `outbox` for the marks of one partition. */
export interface OutboxQuery {
  partition: string
  /** ISO 8601: only items that were recorded before. */
  before: string
  limit: number
}

/** Resolves to the marked items, oldest first. Rejects when the signal fires. */
export type QueryOutbox = (query: OutboxQuery, signal?: AbortSignal) => Promise<Record<string, unknown>[]>

export function createQueryOutbox(dynamodb: DynamoDBClient, table: string): QueryOutbox {
  return async ({ partition, before, limit }, signal) => {
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
    return Items.map(item => unmarshall(item))
  }
}
