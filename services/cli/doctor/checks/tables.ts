import { DescribeTableCommand, type KeySchemaElement, type TableDescription } from '@aws-sdk/client-dynamodb'
import {
  type KeyAttribute,
  leaseTable as leaseTableDefinition,
  type TableDefinition,
  uploadsTable as uploadsTableDefinition,
} from '../../../platform/resources.ts'
import { arn, attempt } from '../attempt.ts'
import { type Check, type CheckContext, type Finding, failed, ok, skipped } from '../check.ts'

export const uploadsTable: Check = {
  id: 'uploads-table',
  title: 'the table of upload records exists, with the right keys and index',
  run: context => checkTable(context, 'UPLOADS_TABLE', uploadsTableDefinition),
}

export const leaseTable: Check = {
  id: 'lease-table',
  title: 'the lease table exists, with the right key',
  async run(context) {
    if (context.config.PROCESSOR_FUNCTION !== undefined)
      return skipped('PROCESSOR_FUNCTION is set: Lambda has no lease table')
    return checkTable(context, 'APPLICATION_NAME', leaseTableDefinition)
  },
}

async function checkTable(
  { config, aws, signal }: CheckContext,
  variable: 'UPLOADS_TABLE' | 'APPLICATION_NAME',
  definition: TableDefinition,
): Promise<Finding> {
  const TableName = config[variable]
  const resource = arn.table(config.AWS_REGION, TableName)
  const description = aws.dynamodb.send(new DescribeTableCommand({ TableName }), { abortSignal: signal })
  const { Table = {} } = await attempt({ action: 'dynamodb:DescribeTable', resource, variable }, description)
  return compareTable(definition, Table, variable)
}

/** Compares the state, the keys and the indexes of a table with its definition. */
function compareTable(definition: TableDefinition, found: TableDescription, variable: string): Finding {
  const { TableName, TableStatus } = found
  if (TableStatus !== 'ACTIVE' && TableStatus !== 'UPDATING') {
    return failed(
      `${TableName} is ${TableStatus}`,
      'Wait until the table is ACTIVE. If it is being deleted, create it again.',
    )
  }
  const differences = [
    differenceOf('its keys', keysOf(definition), found.KeySchema),
    ...definition.indexes.map(index => {
      const foundIndex = found.GlobalSecondaryIndexes?.find(({ IndexName }) => IndexName === index.name)
      return differenceOf(`the keys of its index '${index.name}'`, keysOf(index), foundIndex?.KeySchema)
    }),
  ].filter(text => text !== undefined)
  if (differences.length === 0) return ok(`${TableName} is ${TableStatus}, and has the right keys`)
  return failed(
    `${TableName}: ${differences.join('; ')}`,
    `The keys of a table cannot be changed. Set ${variable} to another table, or create the table again, by infra/ or by the definition in services/platform/resources.ts.`,
  )
}

function keysOf({ partitionKey, sortKey }: { partitionKey: KeyAttribute; sortKey?: KeyAttribute }): string {
  return [partitionKey, sortKey].flatMap(key => (key ? [key.name] : [])).join(', ')
}

function differenceOf(
  what: string,
  expected: string,
  found: readonly KeySchemaElement[] | undefined,
): string | undefined {
  const names = (type: string) =>
    found?.filter(({ KeyType }) => KeyType === type).map(({ AttributeName }) => AttributeName) ?? []
  const actual = [...names('HASH'), ...names('RANGE')].join(', ')
  return actual === expected ? undefined : `${what} are ${actual || 'missing'} and should be ${expected}`
}
