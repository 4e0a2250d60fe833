import { ArnFormat, CfnOutput, Stack, type StackProps } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { leaseTable, uploadsTable } from '../../services/platform/resources.ts'
import { resourceNames, type Settings } from '../settings/schema.ts'
import { createBuckets } from './buckets.ts'
import { createStream } from './stream.ts'
import { createTable } from './table.ts'
import { createUsers } from './users.ts'

/** What has a name and an ARN, whether this app has made it or not. */
export interface Named {
  readonly name: string
  readonly arn: string
}

/** The user pool and its app client, by what they are asked for. */
export interface Users {
  readonly poolId: string
  readonly poolArn: string
  /** What tokens have as their `iss`. */
  readonly issuer: string
  readonly clientId: string
}

/** What the compute stack works on. */
export interface Data {
  readonly uploadBucket: Named
  readonly processedBucket: Named
  readonly stream: Named
  readonly uploadsTable: Named
  readonly leaseTable: Named
  readonly users: Users
}

/** What holds data, and so outlives whatever computes on it. */
export class DataStack extends Stack {
  readonly data: Data

  constructor(scope: Construct, id: string, settings: Settings, props?: StackProps) {
    super(scope, id, { ...props, terminationProtection: settings.keepData })
    const names = resourceNames(settings)
    const { uploads, processed } = createBuckets(this, settings)
    const table = createTable(this, 'UploadsTable', {
      tableName: names.uploadsTable,
      definition: uploadsTable,
      settings,
    })
    const { pool, client } = createUsers(this, settings)
    const stream = this.#stream(names.stream, settings)
    // All of it, whoever computes, and by names of our own. What CDK exports by itself is what the other stack happens to import: it
    // would be taken away, and so refused, while a stack of the other compute still stands or the gateway is being changed.
    const value = (as: string, it: string) => this.exportValue(it, { name: `${id}:${as}` })
    const exported = (as: string, it: Named): Named => ({ name: value(as, it.name), arn: value(`${as}Arn`, it.arn) })
    this.data = {
      uploadBucket: exported('UploadBucket', { name: uploads.bucketName, arn: uploads.bucketArn }),
      processedBucket: exported('ProcessedBucket', { name: processed.bucketName, arn: processed.bucketArn }),
      uploadsTable: exported('UploadsTable', { name: table.tableName, arn: table.tableArn }),
      stream: exported('Stream', stream),
      leaseTable: exported('LeaseTable', this.#leaseTable(names.application, settings)),
      users: {
        poolId: value('UserPoolId', pool.userPoolId),
        poolArn: value('UserPoolArn', pool.userPoolArn),
        issuer: value('UserPoolIssuer', pool.userPoolProviderUrl),
        clientId: value('UserPoolClientId', client.ref),
      },
    }
    this.#output({
      UploadBucket: uploads.bucketName,
      ProcessedBucket: processed.bucketName,
      StreamName: stream.name,
      UserPoolId: pool.userPoolId,
      UserPoolClientId: client.ref,
    })
  }

  #stream(name: string, settings: Settings): Named {
    if (settings.existingStream !== undefined) {
      return { name, arn: this.formatArn({ service: 'kinesis', resource: 'stream', resourceName: name }) }
    }
    const stream = createStream(this, settings)
    return { name: stream.streamName, arn: stream.streamArn }
  }

  /**
   * Not left to the consumer to make: its role then needs no right to make tables, and this one can be restored. On Lambda it
   * is empty and costs nothing, and a change to Fargate finds it.
   */
  #leaseTable(tableName: string, settings: Settings): Named {
    if (settings.existingLeaseTable !== undefined) {
      const arnFormat = ArnFormat.SLASH_RESOURCE_NAME
      const arn = this.formatArn({ service: 'dynamodb', resource: 'table', resourceName: tableName, arnFormat })
      return { name: tableName, arn }
    }
    const table = createTable(this, 'LeaseTable', { tableName, definition: leaseTable, settings })
    return { name: table.tableName, arn: table.tableArn }
  }

  #output(values: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(values)) {
      new CfnOutput(this, `${name}Output`, { value }).overrideLogicalId(name)
    }
  }
}
