import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import type { S3Client } from '@aws-sdk/client-s3'
import { createAwsClients } from '../platform/aws.ts'
import type { ProcessorConfig } from '../platform/config/worker.ts'
import { createMetricsEmitter, type EmitMetrics } from '../platform/emf.ts'
import type { Logger } from '../platform/log.ts'
import type { Tracing } from '../platform/tracing/tracing.ts'
import type { EventPublisher } from '../uploads/events/publisher.ts'
import { createPutRecords } from '../uploads/events/put-records.ts'
import { openUploads } from '../uploads/open.ts'
import type { Deletions } from '../uploads/records/deletions.ts'
import { createParkedScanStore } from '../uploads/records/parked-scan-store.ts'
import { createQuarantineStore } from '../uploads/records/quarantine-store.ts'
import type { UploadStore } from '../uploads/records/store.ts'
import { createDeadLetters } from './dead-letters/writer.ts'
import type { ProcessingMetrics } from './metrics/processing-metrics.ts'
import { createEmittedCounts, type EmittedCounts } from './notifications/counts.ts'
import type { Destination } from './notifications/destination.ts'
import { type Notifications, openNotifications } from './notifications/open.ts'
import { createAttemptStore } from './processing/attempts/attempt-store.ts'
import { createProcessor, type DeadLetters, type Processor } from './processing/processor.ts'
import { tracedProcessor } from './processing/traced-processor.ts'
import { createScanCounts, type EmittedScanCounts } from './scanning/counts.ts'
import { openScanner } from './scanning/open.ts'
import { createScanRelay, type ScanRelay } from './scanning/relay.ts'
import type { Scanner } from './scanning/scanner.ts'
import { createTransformProcesses } from './transforms/processes/pool.ts'
import { loadRules } from './transforms/rules/rules.ts'

/** The parts of a worker, in a container and on Lambda. */
export interface WorkerServices {
  s3: S3Client
  kinesis: KinesisClient
  dynamodb: DynamoDBClient
  store: UploadStore
  deletions: Deletions
  publisher: EventPublisher
  deadLetters: DeadLetters
  processor: Processor
  /** Undefined if no destination is configured. */
  notifications: Notifications | undefined
  notificationCounts: EmittedCounts
  /** Undefined without a scanner. */
  scanner: Scanner | undefined
  /** Undefined unless the scanner tags objects. */
  createScanRelay: (() => ScanRelay) | undefined
  scanCounts: EmittedScanCounts
  /** Emits metrics to CloudWatch, if METRICS_NAMESPACE is set. */
  emitMetrics: EmitMetrics
  /** Drains the publisher and closes the connections. Stop everything that uses them first. */
  close(): Promise<void>
}

/** Maximum time that an event of the outbox relay waits for Kinesis. Its claim lasts three times as long. */
const PUBLISH_TIMEOUT_MS = 10_000

/**
 * A large object holds the socket that it is read from while its parts are written through others. With fewer sockets than records in
 * flight, readers could hold all of them and no part could be written. Sockets are opened only when they are needed.
 */
const MAX_SOCKETS = 1_024

/**
 * Creates the services from the configuration. Makes no request.
 *
 * @param metrics counts what the services do
 * @throws ConfigurationError for transforms that can't be loaded, for invalid destinations of notifications, and for an invalid scanner
 */
export async function createWorkerServices(
  config: ProcessorConfig,
  log: Logger,
  metrics?: ProcessingMetrics,
  tracing?: Tracing,
): Promise<WorkerServices> {
  const processes = createTransformProcesses()
  const rules = await loadRules(config.TRANSFORMS, processes.inProcess)
  const aws = createAwsClients({ region: config.AWS_REGION, maxSockets: MAX_SOCKETS, tracing })
  const { s3, kinesis, dynamodb } = aws
  const stream = config.STREAM_NAME
  const table = config.UPLOADS_TABLE
  const uploads = openUploads({ aws, table, stream, publishTimeoutMs: PUBLISH_TIMEOUT_MS, tracing })
  const { store, deletions, publisher } = uploads
  const emitMetrics = createMetricsEmitter({
    namespace: config.METRICS_NAMESPACE,
    application: config.APPLICATION_NAME,
    log,
  })
  const baseDeadLetters = createDeadLetters({
    s3,
    bucket: config.PROCESSED_BUCKET,
    stream,
    onWritten: () => emitMetrics({ DeadLetters: 1 }),
  })
  const deadLetters = metrics?.deadLetters(baseDeadLetters) ?? baseDeadLetters
  const notificationCounts = createEmittedCounts(emitMetrics, metrics ? [metrics.notifications] : [])
  const notifications = openNotifications({
    destinations: await loadDestinations(config, dynamodb, log),
    s3,
    dynamodb,
    table,
    bucket: config.PROCESSED_BUCKET,
    counts: notificationCounts,
    log,
  })
  const giveUpAfterMs = config.GIVE_UP_AFTER_HOURS > 0 ? config.GIVE_UP_AFTER_HOURS * 3_600_000 : undefined
  const scanner = await openScanner({ config, s3, log })
  const parked = createParkedScanStore({ dynamodb, table })
  const scanCounts = createScanCounts(emitMetrics, metrics?.scans)
  const baseProcessor = createProcessor({
    s3,
    store,
    deletions,
    uploadBucket: config.UPLOAD_BUCKET,
    processedBucket: config.PROCESSED_BUCKET,
    rules,
    results: uploads.results,
    removeOutputs: uploads.removeOutputs,
    processes: processes.size,
    deadLetters,
    attempts: createAttemptStore({ dynamodb, table, stream }),
    ...(giveUpAfterMs !== undefined && { giveUpAfterMs }),
    onUploadEnded: metrics?.uploadEnded,
    notifier: notifications?.notifier,
    ...(scanner && {
      scanning: { scanner, quarantine: createQuarantineStore({ dynamodb, table }), parked, counts: scanCounts },
    }),
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
    notifications,
    notificationCounts,
    scanner,
    createScanRelay:
      scanner?.name === 'guardduty'
        ? () =>
            createScanRelay({
              store: parked,
              scanner,
              putRecords: createPutRecords(kinesis, stream),
              giveUpAfterMs,
              log,
            })
        : undefined,
    scanCounts,
    emitMetrics,
    async close() {
      notifications?.close()
      await Promise.all([publisher.drain(), processes.close()])
      aws.destroy()
    },
  }
}

/** Returns the configured destinations. Loads the code for them only if there are some. */
async function loadDestinations(
  config: ProcessorConfig,
  { config: awsConfig }: DynamoDBClient,
  log: Logger,
): Promise<readonly Destination[]> {
  if (config.NOTIFICATIONS === undefined && config.WEBHOOK_URL === undefined) return []
  const { createDestinations } = await import('./notifications/destinations.ts')
  return createDestinations({ config, env: process.env, awsConfig, log })
}
