import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import type { S3Client } from '@aws-sdk/client-s3'
import { type AwsClients, createAwsClients } from '../platform/aws.ts'
import type { ApiConfig } from '../platform/config/api.ts'
import type { Tracing } from '../platform/tracing/tracing.ts'
import { createPublisher, type EventPublisher } from '../uploads/events/publisher.ts'
import { tracedPublisher } from '../uploads/events/traced-publisher.ts'
import { createRemoveObject } from '../uploads/objects/remove-object.ts'
import { createRemoveOutputs } from '../uploads/objects/remove-outputs.ts'
import { createResultStore, type ResultStore } from '../uploads/objects/result-store.ts'
import { createPendingStore, type PendingStore } from '../uploads/pending/pending-store.ts'
import { createDeletions, type Deletions } from '../uploads/records/deletions.ts'
import { createIdempotencyStore, type IdempotencyStore } from '../uploads/records/idempotency-store.ts'
import { createListUploads, type ListUploads } from '../uploads/records/listing.ts'
import { createUploadStore, type UploadStore } from '../uploads/records/store.ts'

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
  const stream = config.STREAM_NAME
  const untold = createPublisher({ kinesis: aws.kinesis, stream, timeoutMs: config.EVENT_PUT_TIMEOUT_MS })
  const publisher = tracing ? tracedPublisher(untold, { tracing, stream }) : untold
  const records = { dynamodb: aws.dynamodb, table: config.UPLOADS_TABLE }
  const results = createResultStore(records)
  return {
    s3: aws.s3,
    dynamodb: aws.dynamodb,
    kinesis: aws.kinesis,
    idempotency: createIdempotencyStore({
      dynamodb: aws.dynamodb,
      table: config.UPLOADS_TABLE,
      claimMs: CLAIM_MS,
      keepMs: KEEP_MS,
    }),
    pending: createPendingStore({ dynamodb: aws.dynamodb, table: config.UPLOADS_TABLE }),
    store: createUploadStore(records),
    listUploads: createListUploads(records),
    results,
    deletions: createDeletions({
      ...records,
      removeObject: createRemoveObject(aws.s3),
      removeOutputs: createRemoveOutputs(aws.s3, results),
    }),
    publisher,
    close: async () => {
      await publisher.drain()
      aws.destroy()
    },
  }
}
