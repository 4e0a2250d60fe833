import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import type { S3Client } from '@aws-sdk/client-s3'
import { type AwsClients, createAwsClients } from '../platform/aws.ts'
import type { ApiConfig } from '../platform/config/api.ts'
import type { Tracing } from '../platform/tracing/tracing.ts'
import type { EventPublisher } from '../uploads/events/publisher.ts'
import type { ResultStore } from '../uploads/objects/result-store.ts'
import { openUploads } from '../uploads/open.ts'
import { createPendingStore, type PendingStore } from '../uploads/pending/pending-store.ts'
import type { Deletions } from '../uploads/records/deletions.ts'
import { createIdempotencyStore, type IdempotencyStore } from '../uploads/records/idempotency-store.ts'
import { createListUploads, type ListUploads } from '../uploads/records/listing.ts'
import type { UploadStore } from '../uploads/records/store.ts'

/** What the api works with. One of each, for as long as the process lives. */
export interface ApiServices {
  s3: S3Client
  dynamodb: DynamoDBClient
  kinesis: KinesisClient
  store: UploadStore
  idempotency: IdempotencyStore
  pending: PendingStore
  listUploads: ListUploads
  deletions: Deletions
  results: Pick<ResultStore, 'get'>
  publisher: EventPublisher
  /** Waits for the events that are on their way, then lets go of every connection. */
  close(): Promise<void>
}

/** How long an idempotency key is held for a request that is not heard of, in milliseconds: so long a crash keeps it. */
export const CLAIM_MS = 30_000
/** How long the answer to a request with a key is kept, in milliseconds. */
const KEEP_MS = 24 * 3_600_000

/** Builds the services on the clients, which are theirs from then on. */
export function createServices(
  config: ApiConfig,
  tracing?: Tracing,
  aws: AwsClients = createAwsClients({ region: config.AWS_REGION, tracing }),
): ApiServices {
  const { s3, dynamodb, kinesis } = aws
  const table = config.UPLOADS_TABLE
  const { store, results, deletions, publisher } = openUploads({
    aws,
    table,
    stream: config.STREAM_NAME,
    publishTimeoutMs: config.EVENT_PUT_TIMEOUT_MS,
    tracing,
  })
  return {
    s3,
    dynamodb,
    kinesis,
    store,
    results,
    deletions,
    publisher,
    idempotency: createIdempotencyStore({ dynamodb, table, claimMs: CLAIM_MS, keepMs: KEEP_MS }),
    pending: createPendingStore({ dynamodb, table }),
    listUploads: createListUploads({ dynamodb, table }),
    close: async () => {
      await publisher.drain()
      aws.destroy()
    },
  }
}
