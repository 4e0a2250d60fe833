import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { S3Client } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { AwsClients } from '../platform/aws.ts'
import { account } from './account.ts'

export interface Endpoints {
  s3: string
  dynamodb: string
  kinesis: string
}

/**
 * Creates clients of the embedded AWS. Unlike the clients of services/platform, they read nothing from the environment.
 */
export function createLocalClients(endpoints: Endpoints): AwsClients {
  const shared = () => ({
    region: account.region,
    credentials: account.credentials,
    requestHandler: new NodeHttpHandler({ connectionTimeout: 3_000, socketTimeout: 30_000 }),
  })
  const s3 = new S3Client({ ...shared(), endpoint: endpoints.s3, forcePathStyle: true })
  const dynamodb = new DynamoDBClient({ ...shared(), endpoint: endpoints.dynamodb })
  const kinesis = new KinesisClient({ ...shared(), endpoint: endpoints.kinesis })
  return {
    s3,
    dynamodb,
    kinesis,
    destroy: () => {
      s3.destroy()
      dynamodb.destroy()
      kinesis.destroy()
    },
  }
}
