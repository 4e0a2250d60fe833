import {
  type AttributeValue,
  type DynamoDBClient,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { createSendDirect } from '../../platform/direct/request.ts'

/**
 * Updates an item by a change that may be made twice, and resolves to what `ReturnValues` asks for. Throws what the SDK does, also
 * where its condition does not hold.
 */
export type UpdateItem = (change: Omit<UpdateItemCommandInput, 'TableName'>) => Promise<Record<string, AttributeValue>>

const HEADERS = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'DynamoDB_20120810.UpdateItem' }

/**
 * Every upload is marked once when it is processed, so that what that costs the process is worth a way of its own, as its first
 * write is. Where that does not succeed the SDK's is taken, which makes the change again. Without binary attributes.
 */
export function createUpdateItem(dynamodb: DynamoDBClient, table: string): UpdateItem {
  const send = createSendDirect(dynamodb.config, 'dynamodb', () =>
    getEndpointFromInstructions({ TableName: table }, UpdateItemCommand, dynamodb.config),
  )
  return async change => {
    const input = { TableName: table, ...change }
    const body = Buffer.from(JSON.stringify(input))
    // An error says no more than a refusal: the SDK will have it too, and tell.
    const done = await send({ method: 'POST', path: '/', headers: HEADERS, body }).catch(() => undefined)
    const { Attributes = {} } = done
      ? (JSON.parse(Buffer.from(done.body).toString()) as { Attributes?: Record<string, AttributeValue> })
      : await dynamodb.send(new UpdateItemCommand(input))
    return Attributes
  }
}
