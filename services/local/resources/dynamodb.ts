import {
  type AttributeDefinition,
  CreateTableCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  ResourceInUseException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import type { KeyAttribute, TableDefinition } from '../../platform/resources.ts'

/** Creates a table if it does not exist. Resolves once it is ACTIVE. */
export async function createTable(dynamodb: DynamoDBClient, name: string, table: TableDefinition): Promise<void> {
  const keys = [table, ...table.indexes].flatMap(({ partitionKey, sortKey }) => keysOf(partitionKey, sortKey))
  try {
    await dynamodb.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: attributes(keys),
        KeySchema: keySchema(table.partitionKey, table.sortKey),
        GlobalSecondaryIndexes: secondaryIndexes(table),
      }),
    )
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error
  }
  await waitUntilTableExists({ client: dynamodb, minDelay: 0.02, maxDelay: 0.2, maxWaitTime: 15 }, { TableName: name })
}

function secondaryIndexes({ indexes }: TableDefinition) {
  if (indexes.length === 0) return undefined
  return indexes.map(({ name, partitionKey, sortKey, projection }) => ({
    IndexName: name,
    KeySchema: keySchema(partitionKey, sortKey),
    Projection: { ProjectionType: projection },
  }))
}

function keysOf(partitionKey: KeyAttribute, sortKey: KeyAttribute | undefined): KeyAttribute[] {
  return sortKey ? [partitionKey, sortKey] : [partitionKey]
}

function keySchema(partitionKey: KeyAttribute, sortKey: KeyAttribute | undefined): KeySchemaElement[] {
  return keysOf(partitionKey, sortKey).map(({ name }, index) => ({
    AttributeName: name,
    KeyType: index === 0 ? 'HASH' : 'RANGE',
  }))
}

/** Returns each attribute once, because two indexes may share an attribute. */
function attributes(keys: readonly KeyAttribute[]): AttributeDefinition[] {
  const types = new Map(keys.map(({ name, type }) => [name, type]))
  return [...types].map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType }))
}
