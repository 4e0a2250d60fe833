import { DescribeTableCommand, type KeySchemaElement, type TableDescription } from '@aws-sdk/client-dynamodb'
import type { KeyAttribute, TableDefinition } from '../../platform/resources.ts'
import { arn, attempt } from './attempt.ts'
import { type CheckContext, type Finding, failed, ok } from './check.ts'

export async function describeTable(
  { config, aws, signal }: CheckContext,
  TableName: string,
  variable: string,
): Promise<TableDescription> {
  const resource = arn.table(config.AWS_REGION, TableName)
  const describing = aws.dynamodb.send(new DescribeTableCommand({ TableName }), { abortSignal: signal })
  const { Table = {} } = await attempt({ action: 'dynamodb:DescribeTable', resource, variable }, describing)
  return Table
}

/** Whether a table is as it is defined: its state, its keys and its indexes. */
export function compareTable(defined: TableDefinition, found: TableDescription, variable: string): Finding {
  const { TableName, TableStatus } = found
  if (TableStatus !== 'ACTIVE' && TableStatus !== 'UPDATING') {
    return failed(
      `${TableName} is ${TableStatus}`,
      'Wait until it is ACTIVE; one that is being deleted has to be created again.',
    )
  }
  const wrong = [
    differenceOf('its keys', keysOf(defined), found.KeySchema),
    ...defined.indexes.map(index => {
      const there = found.GlobalSecondaryIndexes?.find(({ IndexName }) => IndexName === index.name)
      return differenceOf(`the keys of its index '${index.name}'`, keysOf(index), there?.KeySchema)
    }),
  ].filter(text => text !== undefined)
  if (wrong.length === 0) return ok(`${TableName} is ${TableStatus}, its keys are as they should be`)
  return failed(
    `${TableName}: ${wrong.join('; ')}`,
    `Keys cannot be changed: set ${variable} to another table, or create it anew, from infra/ or as services/platform/resources.ts defines it.`,
  )
}

function keysOf({ partitionKey, sortKey }: { partitionKey: KeyAttribute; sortKey?: KeyAttribute }): string {
  return [partitionKey, sortKey].flatMap(key => (key ? [key.name] : [])).join(', ')
}

function differenceOf(
  what: string,
  wanted: string,
  found: readonly KeySchemaElement[] | undefined,
): string | undefined {
  const names = (type: string) =>
    found?.filter(({ KeyType }) => KeyType === type).map(({ AttributeName }) => AttributeName) ?? []
  const there = [...names('HASH'), ...names('RANGE')].join(', ')
  return there === wanted ? undefined : `${what} are ${there || 'missing'} and should be ${wanted}`
}
