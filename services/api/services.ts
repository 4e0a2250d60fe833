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
import { createQuotaStore, type QuotaStore } from '../uploads/quotas/quota-store.ts'
import type { Deletions } from '../uploads/records/deletions.ts'
import { createIdempotencyStore, type IdempotencyStore } from '../uploads/records/idempotency-store.ts'
import { createListUploads, type ListUploads } from '../uploads/records/listing.ts'
import type { UploadStore } from '../uploads/records/store.ts'

/** The clients and stores of the api. A process opens them once. */
export interface ApiServices {
  s3: S3Client
  dynamodb: DynamoDBClient
  kinesis: KinesisClient
  store: UploadStore
  idempotency: IdempotencyStore
  pending: PendingStore
  quotas: QuotaStore
  listUploads: ListUploads
  deletions: Deletions
  results: Pick<ResultStore, 'get'>
  publisher: EventPublisher
  /** Waits for the events in flight, then closes all connections. */
  close(): Promise<void>
}

/**
 * How long a claim of an idempotency key is valid without a renewal, in milliseconds. After a crash the key stays claimed for
 * that time.
 */
export const CLAIM_MS = 30_000
/** How long the response to a request with a key is stored, in milliseconds. */
const KEEP_MS = 24 * 3_600_000

/** Opens the services. They own the AWS clients and close them. */
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
    quotas: createQuotaStore({ dynamodb, table }),
    listUploads: createListUploads({ dynamodb, table }),
    close: async () => {
      await publisher.drain()
      aws.destroy()
    },
  }
}
