import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import type { S3Client } from '@aws-sdk/client-s3'
import { createAwsClients } from '../platform/aws.ts'
import type { ProcessorConfig } from '../platform/config/worker.ts'
import { createTellMetrics, type TellMetrics } from '../platform/emf.ts'
import type { Logger } from '../platform/log.ts'
import type { Tracing } from '../platform/tracing/tracing.ts'
import { createPublisher, type EventPublisher } from '../uploads/events/publisher.ts'
import { tracedPublisher } from '../uploads/events/traced-publisher.ts'
import { createRemoveObject } from '../uploads/objects/remove-object.ts'
import { createRemoveOutputs } from '../uploads/objects/remove-outputs.ts'
import { createResultStore } from '../uploads/objects/result-store.ts'
import { createDeletions, type Deletions } from '../uploads/records/deletions.ts'
import { createUploadStore, type UploadStore } from '../uploads/records/store.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters/writer.ts'
import type { WorkMetrics } from './metrics/work-metrics.ts'
import { createAttemptStore } from './processing/attempts/attempt-store.ts'
import { createProcessor, type Processor } from './processing/processor.ts'
import { tracedProcessor } from './processing/traced-processor.ts'
import { createTransformProcesses } from './transforms/processes/pool.ts'
import { loadRules } from './transforms/rules/rules.ts'

/** What a worker is made of, in a container and on Lambda alike. */
export interface WorkerServices {
  s3: S3Client
  kinesis: KinesisClient
  dynamodb: DynamoDBClient
  store: UploadStore
  deletions: Deletions
  publisher: EventPublisher
  deadLetters: DeadLetters
  processor: Processor
  /** Tells CloudWatch, where the configuration says so. */
  emitMetrics: TellMetrics
  /** Waits for the publisher and closes the connections. Stop what uses them first. */
  close(): Promise<void>
}

/** How long the relay's events may wait for Kinesis. Nobody waits for the relay, and its claims last three times as long. */
const PUBLISH_TIMEOUT_MS = 10_000

/**
 * A large object holds the socket that it is read by while its parts ask for theirs. With fewer sockets than records under
 * way, every one could be held by a reader and none be left to write. They are opened only when needed.
 */
const MAX_SOCKETS = 1_024

/**
 * Builds them. Connects to nothing yet.
 *
 * @param metrics counts what they do, where somebody asks for it
 * @param tracing tells how long it took, likewise
 * @throws ConfigurationError for transforms that cannot be had
 */
export async function createWorkerServices(
  config: ProcessorConfig,
  log: Logger,
  metrics?: WorkMetrics,
  tracing?: Tracing,
): Promise<WorkerServices> {
  const processes = createTransformProcesses()
  const rules = await loadRules(config.TRANSFORMS, processes.inProcess)
  const aws = createAwsClients({ region: config.AWS_REGION, maxSockets: MAX_SOCKETS, tracing })
  const { s3, kinesis, dynamodb } = aws
  const store = createUploadStore({ dynamodb, table: config.UPLOADS_TABLE })
  const removeObject = createRemoveObject(s3)
  const results = createResultStore({ dynamodb, table: config.UPLOADS_TABLE })
  const removeOutputs = createRemoveOutputs(s3, results)
  const deletions = createDeletions({ dynamodb, table: config.UPLOADS_TABLE, removeObject, removeOutputs })
  const stream = config.STREAM_NAME
  const basePublisher = createPublisher({ kinesis, stream, timeoutMs: PUBLISH_TIMEOUT_MS })
  const publisher = tracing ? tracedPublisher(basePublisher, { tracing, stream }) : basePublisher
  const tell = createTellMetrics({
    namespace: config.METRICS_NAMESPACE,
    application: config.APPLICATION_NAME,
    log,
  })
  const letters = createDeadLetters({
    s3,
    bucket: config.PROCESSED_BUCKET,
    stream,
    onWritten: () => tell({ DeadLetters: 1 }),
  })
  const deadLetters = metrics?.deadLetters(letters) ?? letters
  const baseProcessor = createProcessor({
    s3,
    store,
    deletions,
    uploadBucket: config.UPLOAD_BUCKET,
    processedBucket: config.PROCESSED_BUCKET,
    rules,
    results,
    removeOutputs,
    processes: processes.size,
    deadLetters,
    attempts: createAttemptStore({ dynamodb, table: config.UPLOADS_TABLE, stream: config.STREAM_NAME }),
    ...(config.GIVE_UP_AFTER_HOURS > 0 && { giveUpAfterMs: config.GIVE_UP_AFTER_HOURS * 3_600_000 }),
    tracing,
    log,
  })
  const processor = tracing ? tracedProcessor(baseProcessor, { tracing, stream }) : baseProcessor
  return {
    s3,
    kinesis,
    dynamodb,
    store,
    deletions,
    publisher: metrics?.publisher(publisher) ?? publisher,
    deadLetters,
    processor: metrics?.processor(processor) ?? processor,
    emitMetrics: tell,
    async close() {
      await Promise.all([publisher.drain(), processes.close()])
      aws.destroy()
    },
  }
}
