import { type AttributeValue, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { createSendDirect } from '../../platform/direct/request.ts'

/** Writes an item that is not there yet. Throws what the SDK does, also where it is there. */
export type PutNew = (item: Record<string, AttributeValue>) => Promise<void>

const HEADERS = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'DynamoDB_20120810.PutItem' }

/**
 * Every upload writes one item, so that what the write costs the process is worth a way of its own. Where that does not
 * succeed the SDK's is taken: a first write whose reply was lost makes its condition fail.
 */
export function createPutNew(dynamodb: DynamoDBClient, table: string): PutNew {
  const send = createSendDirect(dynamodb.config, 'dynamodb', () =>
    getEndpointFromInstructions({ TableName: table }, PutItemCommand, dynamodb.config),
  )
  return async item => {
    const input = { TableName: table, Item: item, ConditionExpression: 'attribute_not_exists(uploadId)' }
    const body = Buffer.from(JSON.stringify(input))
    // An error says no more than a refusal: the SDK will have it too, and tell.
    const done = await send({ method: 'POST', path: '/', headers: HEADERS, body }).catch(() => undefined)
    if (!done) await dynamodb.send(new PutItemCommand(input))
  }
}
