import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { S3Client } from '@aws-sdk/client-s3'
import { UndiciHttpHandler } from '@smithy/undici-http-handler'
import { retryCutReplies } from './cut-replies.ts'
import { guardObjectBodies, guardResponseBodies } from './response-bodies.ts'
import type { Tracing } from './tracing/tracing.ts'

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
  /** Left out, nobody is told what is asked of AWS. */
  tracing?: Pick<Tracing, 'requests'> | undefined
}

// An unreachable endpoint must become an error in seconds, not hang a request or a shard for good. The second bound is
// on silence, not on the whole transfer: a long upload that moves is never cut.
const CONNECT_TIMEOUT_MS = 3_000
const SILENCE_TIMEOUT_MS = 30_000

/**
 * Makes the clients. Endpoints and credentials come from the SDK's own settings (`AWS_ENDPOINT_URL`,
 * `AWS_ENDPOINT_URL_S3`, …), so that any emulator serves without a change of code.
 */
export function createAwsClients({ region, maxSockets = 128, tracing }: AwsSettings): AwsClients {
  // undici for all three: HTTP/1.1 at about half of what Node's own client costs. The Kinesis client's default is HTTP/2 with
  // a new session for every request, which costs more still and which no emulator speaks.
  const createHandler = () =>
    guardResponseBodies(
      new UndiciHttpHandler({
        dispatcher: {
          connections: maxSockets,
          connect: { timeout: CONNECT_TIMEOUT_MS },
          headersTimeout: SILENCE_TIMEOUT_MS,
          bodyTimeout: SILENCE_TIMEOUT_MS,
        },
      }),
    )
  const shared = () => ({
    region,
    requestHandler: tracing?.requests(createHandler()) ?? createHandler(),
    // The clients live as long as the process, and nobody adds to their middleware.
    cacheMiddleware: true,
  })
  const s3 = new S3Client({ ...shared(), forcePathStyle: hasOwnS3Endpoint() })
  const kinesis = new KinesisClient(shared())
  const dynamodb = new DynamoDBClient(shared())
  for (const client of [s3, kinesis, dynamodb]) retryCutReplies(client)
  guardObjectBodies(s3)
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
