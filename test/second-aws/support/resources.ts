import type { Test } from 'tap'
import { createTable } from '../../../services/local/resources/dynamodb.ts'
import { createStream } from '../../../services/local/resources/kinesis.ts'
import { createBucket } from '../../../services/local/resources/s3.ts'
import { type AwsClients, createAwsClients } from '../../../services/platform/aws.ts'
import { names, stream, uploadsTable, userPool } from '../../../services/platform/resources.ts'
import { callJson, REGION, root, type Target } from './call.ts'
import type { Pool } from './users.ts'

/** The resources that Headgate owns in an account, created from services/platform/resources.ts. */
export interface SecondAccount extends Pool {
  /** Names and credentials for our processes. The endpoints come from the proxies. */
  readonly env: Readonly<Record<string, string>>
  /** Clients of the server itself, which bypass the proxies. */
  readonly clients: AwsClients
}

/** Creates clients of the server itself, for the duration of the test. */
export function createClients(t: Pick<Test, 'teardown'>, { url, credentials = root }: Target): AwsClients {
  const endpoints = { s3: url, dynamodb: url, kinesis: url }
  const clients = createAwsClients({ region: REGION, endpoints, credentials })
  t.teardown(() => clients.destroy())
  return clients
}

/** Creates all resources except the lease table, which the worker creates. */
export async function createAccount(t: Pick<Test, 'teardown'>, target: Target): Promise<SecondAccount> {
  const clients = createClients(t, target)
  const [pool] = await Promise.all([
    createPool(target),
    createBucket(clients.s3, names.uploadBucket),
    createBucket(clients.s3, names.processedBucket),
    createStream(clients.kinesis, { name: names.stream, ...stream }),
    createTable(clients.dynamodb, names.uploadsTable, uploadsTable),
  ])
  return {
    ...pool,
    clients,
    env: {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: root.accessKeyId,
      AWS_SECRET_ACCESS_KEY: root.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
      UPLOAD_BUCKET: names.uploadBucket,
      PROCESSED_BUCKET: names.processedBucket,
      STREAM_NAME: names.stream,
      UPLOADS_TABLE: names.uploadsTable,
      COGNITO_USER_POOL_ID: pool.userPoolId,
      COGNITO_CLIENT_ID: pool.clientId,
    },
  }
}

async function createPool(target: Target): Promise<Pool> {
  const { UserPool } = await callJson(target, 'cognito', 'CreateUserPool', { PoolName: names.userPool })
  const userPoolId = String((UserPool as { Id: unknown }).Id)
  const { UserPoolClient } = await callJson(target, 'cognito', 'CreateUserPoolClient', {
    UserPoolId: userPoolId,
    ClientName: names.userPoolClient,
    ExplicitAuthFlows: userPool.authFlows,
  })
  return { userPoolId, clientId: String((UserPoolClient as { ClientId: unknown }).ClientId) }
}
