import { ArnFormat, CfnOutput, Stack, type StackProps } from 'aws-cdk-lib'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'
import { leaseTable, uploadsTable } from '../../services/platform/resources.ts'
import { parseList } from '../settings/parse-list.ts'
import { resourceNames, type Settings } from '../settings/schema.ts'
import { createBuckets } from './buckets.ts'
import { createKey } from './key.ts'
import { createMalwareProtection } from './malware-protection.ts'
import { createStream } from './stream.ts'
import { createTable } from './table.ts'
import { createUsers } from './users.ts'

/** A resource by its name and ARN, whether this app creates it or it exists already. */
export interface Named {
  readonly name: string
  readonly arn: string
}

/** The user pool and its app client. */
export interface Users {
  readonly poolId: string
  readonly poolArn: string
  /** The `iss` claim of its tokens. */
  readonly issuer: string
  readonly clientId: string
}

/** The resources of the data stack, as the compute stack imports them. */
export interface Data {
  readonly uploadBucket: Named
  readonly processedBucket: Named
  readonly stream: Named
  readonly uploadsTable: Named
  readonly leaseTable: Named
  readonly accessLogBucket: Named
  readonly users: Users
  /** The key that encrypts everything that this app creates, with `encryption=customer`. */
  readonly keyArn: string | undefined
  /** The keys that roles need to read and write data: the one above, and those of existing resources. */
  readonly dataKeyArns: readonly string[]
}

/** Buckets, stream, tables and users. This stack outlives the stacks that compute on its data. */
export class DataStack extends Stack {
  readonly data: Data

  constructor(scope: Construct, id: string, settings: Settings, props?: StackProps) {
    super(scope, id, { ...props, terminationProtection: settings.keepData })
    const names = resourceNames(settings)
    const key = createKey(this, settings)
    const { uploads, processed, accessLogs } = createBuckets(this, settings, key)
    if (settings.scanner === 'guardduty') createMalwareProtection(this, settings, uploads, key)
    const table = createTable(this, 'UploadsTable', {
      tableName: names.uploadsTable,
      definition: uploadsTable,
      settings,
      key,
    })
    const { pool, client } = createUsers(this, settings)
    const stream = this.#stream(names.stream, settings, key)
    // Everything is exported, for either compute, by explicit names. By itself CDK exports only what the other stack imports at the
    // moment. It would then remove exports that a stack of the other compute still imports, and CloudFormation refuses that.
    const value = (as: string, it: string) => this.exportValue(it, { name: `${id}:${as}` })
    const exported = (as: string, it: Named): Named => ({ name: value(as, it.name), arn: value(`${as}Arn`, it.arn) })
    const keyArn = settings.encryptionKeyArn ?? (key && value('KeyArn', key.keyArn))
    this.data = {
      keyArn,
      dataKeyArns: [...(keyArn === undefined ? [] : [keyArn]), ...parseList(settings.existingKeyArns)],
      accessLogBucket: exported('AccessLogBucket', { name: accessLogs.bucketName, arn: accessLogs.bucketArn }),
      uploadBucket: exported('UploadBucket', { name: uploads.bucketName, arn: uploads.bucketArn }),
      processedBucket: exported('ProcessedBucket', { name: processed.bucketName, arn: processed.bucketArn }),
      uploadsTable: exported('UploadsTable', { name: table.tableName, arn: table.tableArn }),
      stream: exported('Stream', stream),
      leaseTable: exported('LeaseTable', this.#leaseTable(names.application, settings, key)),
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

  #stream(name: string, settings: Settings, key: IKey | undefined): Named {
    if (settings.existingStream !== undefined) {
      return { name, arn: this.formatArn({ service: 'kinesis', resource: 'stream', resourceName: name }) }
    }
    const stream = createStream(this, settings, key)
    return { name: stream.streamName, arn: stream.streamArn }
  }

  /**
   * Creates the lease table, so that the consumer's role needs no permission to create tables and the table can be restored. On
   * Lambda the table is empty and costs nothing; after a change to Fargate it is there.
   */
  #leaseTable(tableName: string, settings: Settings, key: IKey | undefined): Named {
    if (settings.existingLeaseTable !== undefined) {
      const arnFormat = ArnFormat.SLASH_RESOURCE_NAME
      const arn = this.formatArn({ service: 'dynamodb', resource: 'table', resourceName: tableName, arnFormat })
      return { name: tableName, arn }
    }
    const table = createTable(this, 'LeaseTable', { tableName, definition: leaseTable, settings, key })
    return { name: table.tableName, arn: table.tableArn }
  }

  #output(values: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(values)) {
      new CfnOutput(this, `${name}Output`, { value }).overrideLogicalId(name)
    }
  }
}
