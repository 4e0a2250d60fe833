import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { S3Client } from '@aws-sdk/client-s3'
import type { AwsCredentialIdentity } from '@smithy/types'
import { UndiciHttpHandler } from '@smithy/undici-http-handler'
import { Agent } from 'undici'
import { enforceClientDeadlines, enforceRequestDeadlines } from './request-deadlines.ts'
import { guardObjectBodies, guardResponseBodies } from './response-bodies.ts'
import type { Tracing } from './tracing/tracing.ts'
import { retryTruncatedResponses } from './truncated-responses.ts'

/** The AWS clients of a process, one for each service. They live as long as the process. */
export interface AwsClients {
  s3: S3Client
  kinesis: KinesisClient
  dynamodb: DynamoDBClient
  destroy(): void
}

export interface AwsSettings {
  region: string
  /** Maximum number of open sockets of each client. @default 128 */
  maxSockets?: number
  /** @default the SDK's own settings */
  endpoints?: Record<'s3' | 'dynamodb' | 'kinesis', string>
  /** @default the SDK's own settings */
  credentials?: AwsCredentialIdentity
  /** Records a span for each request. Unset: no spans. */
  tracing?: Pick<Tracing, 'traceRequests'> | undefined
}

// An unreachable endpoint must become an error within seconds, and not block a request or a shard forever. The second timeout
// limits the silence between two chunks, not the whole transfer: a long upload that makes progress is never aborted.
const CONNECT_TIMEOUT_MS = 3_000
const SILENCE_TIMEOUT_MS = 30_000

/** Maximum time until the headers of a response. It leaves time for a retry on another connection before a client gives up. */
const HEADERS_TIMEOUT_MS = 10_000

/** The headers timeout includes the time to send the body. A larger body gets more time, for a slow connection to AWS. */
const LARGE_BODY_BYTES = 1024 ** 2
const MIN_BYTES_PER_MS = 256

/**
 * Creates the clients. By default, endpoints and credentials come from the SDK's own settings (`AWS_ENDPOINT_URL`,
 * `AWS_ENDPOINT_URL_S3`, …), so that the code is the same for AWS and for any emulator.
 */
export function createAwsClients(settings: AwsSettings): AwsClients {
  const { region, maxSockets = 128, endpoints, credentials, tracing } = settings
  // All three clients use undici: HTTP/1.1 at about half the cost of Node's own client. The default of the Kinesis client is HTTP/2
  // with a new session for every request, which costs even more and which no emulator supports.
  const createHandler = () =>
    enforceRequestDeadlines(
      guardResponseBodies(
        extendTimeouts(
          new UndiciHttpHandler({
            // The handler's own undici 7 has an assertion that fails if a connection ends while its response waits for a slow reader.
            // The error ends the process (https://github.com/nodejs/undici/issues/5360). undici 8 does not have it.
            dispatcher: new Agent({
              connections: maxSockets,
              connect: { timeout: CONNECT_TIMEOUT_MS },
              headersTimeout: HEADERS_TIMEOUT_MS,
              bodyTimeout: SILENCE_TIMEOUT_MS,
            }),
          }),
        ),
      ),
    )
  const shared = () => ({
    region,
    requestHandler: tracing?.traceRequests(createHandler()) ?? createHandler(),
    // Caching is safe: no middleware is added after the first request.
    cacheMiddleware: true,
    ...(credentials && { credentials }),
  })
  const at = (service: 's3' | 'dynamodb' | 'kinesis') => endpoints && { endpoint: endpoints[service] }
  const s3 = new S3Client({ ...shared(), ...at('s3'), forcePathStyle: endpoints !== undefined || hasOwnS3Endpoint() })
  const kinesis = new KinesisClient({ ...shared(), ...at('kinesis') })
  const dynamodb = new DynamoDBClient({ ...shared(), ...at('dynamodb') })
  for (const client of [s3, kinesis, dynamodb]) {
    retryTruncatedResponses(client)
    enforceClientDeadlines(client)
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

/** Raises the headers timeout for large bodies, and for the completion of multipart uploads: S3 joins all parts before it responds. */
function extendTimeouts(handler: UndiciHttpHandler): UndiciHttpHandler {
  const send = handler.handle.bind(handler)
  handler.handle = (request, options) => {
    const { body, method, query } = request
    const bytes = body instanceof Uint8Array ? body.byteLength : 0
    let requestTimeout = options?.requestTimeout
    if (method === 'POST' && query?.uploadId !== undefined) requestTimeout ??= SILENCE_TIMEOUT_MS
    else if (bytes > LARGE_BODY_BYTES) requestTimeout ??= HEADERS_TIMEOUT_MS + bytes / MIN_BYTES_PER_MS
    return send(request, requestTimeout === undefined ? options : { ...options, requestTimeout })
  }
  return handler
}

/** Returns true for an emulator. There the bucket has to be in the path, because `bucket.host` only resolves at AWS. An empty variable counts as unset. */
function hasOwnS3Endpoint(): boolean {
  return Boolean(process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL)
}
