import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { S3Client } from '@aws-sdk/client-s3'
import type { AwsCredentialIdentity } from '@smithy/types'
import { UndiciHttpHandler } from '@smithy/undici-http-handler'
import { retryCutReplies } from './cut-replies.ts'
import { heedDeadlines, heedDeadlinesOf } from './heed-deadlines.ts'
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
  /** Left out, those of the SDK's own settings. */
  endpoints?: Record<'s3' | 'dynamodb' | 'kinesis', string>
  /** Left out, those of the SDK's own settings. */
  credentials?: AwsCredentialIdentity
  /** Left out, nobody is told what is asked of AWS. */
  tracing?: Pick<Tracing, 'requests'> | undefined
}

// An unreachable endpoint must become an error in seconds, not hang a request or a shard for good. The second bound is
// on silence, not on the whole transfer: a long upload that moves is never cut.
const CONNECT_TIMEOUT_MS = 3_000
const SILENCE_TIMEOUT_MS = 30_000

/** How long the head of an answer may take. Short enough for another try on another connection before a client gives up. */
const ANSWER_TIMEOUT_MS = 10_000

/** A body of many bytes is sent in that time, too, and may have a slow line to AWS. */
const LARGE_BODY_BYTES = 1024 ** 2
const SLOWEST_BYTES_PER_MS = 256

/**
 * Makes the clients. Endpoints and credentials come from the SDK's own settings (`AWS_ENDPOINT_URL`,
 * `AWS_ENDPOINT_URL_S3`, …), so that any emulator serves without a change of code.
 */
export function createAwsClients(settings: AwsSettings): AwsClients {
  const { region, maxSockets = 128, endpoints, credentials, tracing } = settings
  // undici for all three: HTTP/1.1 at about half of what Node's own client costs. The Kinesis client's default is HTTP/2 with
  // a new session for every request, which costs more still and which no emulator speaks.
  const createHandler = () =>
    heedDeadlines(
      guardResponseBodies(
        allowForSlowAnswers(
          new UndiciHttpHandler({
            dispatcher: {
              connections: maxSockets,
              connect: { timeout: CONNECT_TIMEOUT_MS },
              headersTimeout: ANSWER_TIMEOUT_MS,
              bodyTimeout: SILENCE_TIMEOUT_MS,
            },
          }),
        ),
      ),
    )
  const shared = () => ({
    region,
    requestHandler: tracing?.requests(createHandler()) ?? createHandler(),
    // The clients live as long as the process, and nobody adds to their middleware.
    cacheMiddleware: true,
    ...(credentials && { credentials }),
  })
  const at = (service: 's3' | 'dynamodb' | 'kinesis') => endpoints && { endpoint: endpoints[service] }
  const s3 = new S3Client({ ...shared(), ...at('s3'), forcePathStyle: endpoints !== undefined || hasOwnS3Endpoint() })
  const kinesis = new KinesisClient({ ...shared(), ...at('kinesis') })
  const dynamodb = new DynamoDBClient({ ...shared(), ...at('dynamodb') })
  for (const client of [s3, kinesis, dynamodb]) {
    retryCutReplies(client)
    heedDeadlinesOf(client)
  }
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

/** S3 makes an object of its parts before it answers, and that takes longer the more there are. */
function allowForSlowAnswers(handler: UndiciHttpHandler): UndiciHttpHandler {
  const send = handler.handle.bind(handler)
  handler.handle = (request, options) => {
    const { body, method, query } = request
    const bytes = body instanceof Uint8Array ? body.byteLength : 0
    let requestTimeout = options?.requestTimeout
    if (method === 'POST' && query?.uploadId !== undefined) requestTimeout ??= SILENCE_TIMEOUT_MS
    else if (bytes > LARGE_BODY_BYTES) requestTimeout ??= ANSWER_TIMEOUT_MS + bytes / SLOWEST_BYTES_PER_MS
    return send(request, requestTimeout === undefined ? options : { ...options, requestTimeout })
  }
  return handler
}

/** `bucket.host` resolves for AWS alone; everywhere else the bucket has to be in the path. Empty counts as absent. */
function hasOwnS3Endpoint(): boolean {
  return Boolean(process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL)
}
