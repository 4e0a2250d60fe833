import type { AwsClients } from '../../platform/aws.ts'
import { names, stream, uploadsTable } from '../../platform/resources.ts'
import { account } from '../account.ts'
import { createUser } from './cognito.ts'
import { createTable } from './dynamodb.ts'
import { createStream } from './kinesis.ts'
import { createBucket } from './s3.ts'

export interface ResourceSettings {
  clients: AwsClients
  cognitoUrl: string
  shards?: number | undefined
}

/**
 * Creates the resources that Headgate owns in an account, and the demo user. Existing resources stay as they are. The
 * lease table is not created here, because the consumer creates it.
 */
export async function createResources({ clients, cognitoUrl, shards }: ResourceSettings): Promise<void> {
  await Promise.all([
    createBucket(clients.s3, names.uploadBucket),
    createBucket(clients.s3, names.processedBucket),
    createStream(clients.kinesis, { name: names.stream, ...stream, shards: shards ?? stream.shards }),
    createTable(clients.dynamodb, names.uploadsTable, uploadsTable),
    createUser(cognitoUrl, { userPoolId: account.userPoolId, ...account.demoUser }),
  ])
}
