import type { AwsClients } from '../../platform/aws.ts'
import { names, stream, uploadsTable } from '../../platform/resources.ts'
import { account } from '../account.ts'
import { createUser } from './cognito.ts'
import { createTable } from './dynamodb.ts'
import { createStream } from './kinesis.ts'
import { allowPages, createBucket } from './s3.ts'

export interface ResourceSettings {
  clients: AwsClients
  cognitoUrl: string
  shards?: number | undefined
  /** The origins whose pages may use the buckets. */
  corsOrigins: readonly string[]
}

/**
 * Creates the resources that Headgate owns in an account, and the demo user. Existing resources stay as they are, except
 * for the CORS rules of the buckets, which follow the settings. The lease table is not created here, because the
 * consumer creates it.
 */
export async function createResources({ clients, cognitoUrl, shards, corsOrigins }: ResourceSettings): Promise<void> {
  const createOwnBucket = async (bucket: string) => {
    await createBucket(clients.s3, bucket)
    await allowPages(clients.s3, bucket, corsOrigins)
  }
  await Promise.all([
    createOwnBucket(names.uploadBucket),
    createOwnBucket(names.processedBucket),
    createStream(clients.kinesis, { name: names.stream, ...stream, shards: shards ?? stream.shards }),
    createTable(clients.dynamodb, names.uploadsTable, uploadsTable),
    createUser(cognitoUrl, { userPoolId: account.userPoolId, ...account.demoUser }),
  ])
}
