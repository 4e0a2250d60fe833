import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { S3Client } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'

/** The AWS clients a process holds, one of each, for as long as it lives. */
export interface AwsClients {
  s3: S3Client
  kinesis: KinesisClient
  dynamodb: DynamoDBClient
  destroy(): void
}

export interface AwsSettings {
  region: string
  /** Sockets a client keeps open at most. */
  maxSockets?: number
}

// An unreachable endpoint must become an error in seconds, not hang a request or a shard for good. The second bound is
// on silence, not on the whole transfer: a long upload that moves is never cut.
const TIMEOUTS = { connectionTimeout: 3_000, socketTimeout: 30_000 }

/**
 * Makes the clients. Endpoints and credentials come from the SDK's own settings (`AWS_ENDPOINT_URL`,
 * `AWS_ENDPOINT_URL_S3`, …), so that any emulator serves without a change of code.
 */
export function createAwsClients({ region, maxSockets = 128 }: AwsSettings): AwsClients {
  // Node's HTTP/1.1 handler for all three: the Kinesis client's own default is HTTP/2 with a new session for every request,
  // which costs more and which no emulator speaks.
  const requestHandler = () =>
    new NodeHttpHandler({ ...TIMEOUTS, httpAgent: { maxSockets }, httpsAgent: { maxSockets } })
  const s3 = new S3Client({ region, requestHandler: requestHandler(), forcePathStyle: hasOwnS3Endpoint() })
  const kinesis = new KinesisClient({ region, requestHandler: requestHandler() })
  const dynamodb = new DynamoDBClient({ region, requestHandler: requestHandler() })
  return {
    s3,
    kinesis,
    dynamodb,
    destroy: () => {
      s3.destroy()
      kinesis.destroy()
      dynamodb.destroy()
    },
  }
}

/** `bucket.host` resolves for AWS alone; everywhere else the bucket has to be in the path. Empty counts as absent. */
function hasOwnS3Endpoint(): boolean {
  return Boolean(process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL)
}
