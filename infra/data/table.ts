import { RemovalPolicy } from 'aws-cdk-lib'
import {
  type Attribute,
  AttributeType,
  BillingMode,
  ProjectionType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb'
import type { Construct } from 'constructs'
import type { KeyAttribute, TableDefinition } from '../../services/platform/resources.ts'
import type { Settings } from '../settings/schema.ts'

export interface TableSettings {
  tableName: string
  definition: TableDefinition
  settings: Pick<Settings, 'keepData'>
}

/** A table as the definition says, paid by request, encrypted, and restorable to any second of the last 35 days. */
export function createTable(scope: Construct, id: string, { tableName, definition, settings }: TableSettings): Table {
  const { partitionKey, sortKey, timeToLive, indexes } = definition
  const table = new Table(scope, id, {
    tableName,
    partitionKey: attribute(partitionKey),
    ...(sortKey && { sortKey: attribute(sortKey) }),
    ...(timeToLive && { timeToLiveAttribute: timeToLive }),
    billingMode: BillingMode.PAY_PER_REQUEST,
    encryption: TableEncryption.DEFAULT,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    // It holds against CloudFormation too, also where making the stack has failed: docs/deploy.md says what to do then.
    deletionProtection: settings.keepData,
    removalPolicy: settings.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  })
  for (const index of indexes) {
    table.addGlobalSecondaryIndex({
      indexName: index.name,
      partitionKey: attribute(index.partitionKey),
      sortKey: attribute(index.sortKey),
      projectionType: ProjectionType[index.projection],
    })
  }
  return table
}

function attribute({ name, type }: KeyAttribute): Attribute {
  return { name, type: type === 'S' ? AttributeType.STRING : AttributeType.NUMBER }
}
