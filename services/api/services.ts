import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import type { S3Client } from '@aws-sdk/client-s3'
import { type AwsClients, createAwsClients } from '../platform/aws.ts'
import type { ApiConfig } from '../platform/config/api.ts'
import { createDeletions, type Deletions } from '../uploads/deletions.ts'
import { createListUploads, type ListUploads } from '../uploads/listing.ts'
import { createPublisher, type EventPublisher } from '../uploads/publisher.ts'
import { createRemoveObject } from '../uploads/remove-object.ts'
import { createUploadStore, type UploadStore } from '../uploads/store.ts'

/** What the api works with. One of each, for as long as the process lives. */
export interface ApiServices {
  s3: S3Client
  dynamodb: DynamoDBClient
  kinesis: KinesisClient
  store: UploadStore
  listUploads: ListUploads
  deletions: Deletions
  publisher: EventPublisher
  /** Waits for the events that are on their way, then lets go of every connection. */
  close(): Promise<void>
}

/** Builds the services on the clients, which are theirs from then on. */
export function createServices(
  config: ApiConfig,
  aws: AwsClients = createAwsClients({ region: config.AWS_REGION }),
): ApiServices {
  const publisher = createPublisher({
    kinesis: aws.kinesis,
    stream: config.STREAM_NAME,
    timeoutMs: config.EVENT_PUT_TIMEOUT_MS,
  })
  const records = { dynamodb: aws.dynamodb, table: config.UPLOADS_TABLE }
  return {
    s3: aws.s3,
    dynamodb: aws.dynamodb,
    kinesis: aws.kinesis,
    store: createUploadStore(records),
    listUploads: createListUploads(records),
    deletions: createDeletions({ ...records, removeObject: createRemoveObject(aws.s3) }),
    publisher,
    close: async () => {
      await publisher.drain()
      aws.destroy()
    },
  }
}
