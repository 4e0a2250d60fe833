import type { AwsClients } from '../platform/aws.ts'
import type { Tracing } from '../platform/tracing/tracing.ts'
import { createPublisher, type EventPublisher } from './events/publisher.ts'
import { tracedPublisher } from './events/traced-publisher.ts'
import { createRemoveObject, type RemoveObject } from './objects/remove-object.ts'
import { createRemoveOutputs, type RemoveOutputs } from './objects/remove-outputs.ts'
import { createResultStore, type ResultStore } from './objects/result-store.ts'
import { createDeletions, type Deletions } from './records/deletions.ts'
import { createUploadStore, type UploadStore } from './records/store.ts'

/** What the api and the worker both do with uploads. */
export interface Uploads {
  store: UploadStore
  results: ResultStore
  removeObject: RemoveObject
  removeOutputs: RemoveOutputs
  deletions: Deletions
  publisher: EventPublisher
}

export interface UploadsSettings {
  aws: Pick<AwsClients, 's3' | 'dynamodb' | 'kinesis'>
  /** Name of the table of upload records. */
  table: string
  /** Name of the stream of upload events. */
  stream: string
  /** Maximum time that an event waits for Kinesis, in milliseconds. */
  publishTimeoutMs: number
  tracing?: Tracing | undefined
}

/** Opens the stores, the deletions and the publisher. Makes no request. Drain the publisher before the clients are destroyed. */
export function openUploads({ aws, table, stream, publishTimeoutMs, tracing }: UploadsSettings): Uploads {
  const { s3, dynamodb, kinesis } = aws
  const results = createResultStore({ dynamodb, table })
  const removeObject = createRemoveObject(s3)
  const removeOutputs = createRemoveOutputs(s3, results)
  const publisher = createPublisher({ kinesis, stream, timeoutMs: publishTimeoutMs })
  return {
    store: createUploadStore({ dynamodb, table }),
    results,
    removeObject,
    removeOutputs,
    deletions: createDeletions({ dynamodb, table, removeObject, removeOutputs }),
    publisher: tracing ? tracedPublisher(publisher, { tracing, stream }) : publisher,
  }
}
