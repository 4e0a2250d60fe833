import { RemovalPolicy } from 'aws-cdk-lib'
import {
  type Attribute,
  AttributeType,
  BillingMode,
  ProjectionType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'
import type { KeyAttribute, TableDefinition } from '../../services/platform/resources.ts'
import { acknowledge } from '../acknowledge.ts'
import type { Settings } from '../settings/schema.ts'

export interface TableSettings {
  tableName: string
  definition: TableDefinition
  settings: Pick<Settings, 'keepData'>
  /** Left out: a key that AWS owns. */
  key: IKey | undefined
}

/** Creates an on-demand table by its definition, encrypted, and restorable to any second of the last 35 days. */
export function createTable(scope: Construct, id: string, tableSettings: TableSettings): Table {
  const { tableName, definition, settings, key } = tableSettings
  const { partitionKey, sortKey, timeToLive, indexes } = definition
  const table = new Table(scope, id, {
    tableName,
    partitionKey: attribute(partitionKey),
    ...(sortKey && { sortKey: attribute(sortKey) }),
    ...(timeToLive && { timeToLiveAttribute: timeToLive }),
    billingMode: BillingMode.PAY_PER_REQUEST,
    ...(key === undefined
      ? { encryption: TableEncryption.DEFAULT }
      : { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey: key }),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    // This also stops CloudFormation, even when creating the stack fails: docs/how-to/deploy.md says what to do then.
    deletionProtection: settings.keepData,
    removalPolicy: settings.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  })
  if (key === undefined) {
    acknowledge(table, {
      CKV_AWS_119: 'AWS’s own key encrypts the table. One of the account does with encryption=customer.',
    })
  }
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
