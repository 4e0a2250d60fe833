import {
  type AttributeValue,
  type DynamoDBClient,
  ResourceNotFoundException,
  ScanCommand,
  type ScanCommandOutput,
} from '@aws-sdk/client-dynamodb'
import { LeaseTableMissingError } from '../errors.ts'
import { STREAM_IDENTIFIER } from '../leases/lease-item.ts'
import { pages } from '../pages.ts'

/**
 * Returns the identifiers of the streams that share a lease table, sorted.
 *
 * @throws LeaseTableMissingError
 */
export async function streamIdentifiersIn(dynamodb: DynamoDBClient, table: string): Promise<string[]> {
  const found = new Set<string>()
  const listing = pages<ScanCommandOutput, Record<string, AttributeValue>>(
    'Scan',
    marker => {
      const scan = {
        TableName: table,
        ProjectionExpression: '#id',
        ExpressionAttributeNames: { '#id': STREAM_IDENTIFIER },
      }
      return dynamodb.send(new ScanCommand({ ...scan, ...(marker && { ExclusiveStartKey: marker }) }))
    },
    ({ LastEvaluatedKey }) => LastEvaluatedKey,
  )
  try {
    for await (const { Items = [] } of listing) {
      for (const item of Items) if (item[STREAM_IDENTIFIER]?.S) found.add(item[STREAM_IDENTIFIER].S)
    }
  } catch (cause) {
    if (!(cause instanceof ResourceNotFoundException)) throw cause
    throw new LeaseTableMissingError(`The lease table '${table}' does not exist.`, { cause })
  }
  return [...found].sort()
}
