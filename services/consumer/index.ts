export { type AdminOptions, type AdminPorts, type ApplicationStatus, ConsumerAdmin } from './admin/admin.ts'
export type { PauseOutcome, PauseRequest } from './admin/pause.ts'
export { ReplayError, type ReplayStart } from './admin/replay.ts'
export type { ReplayEstimate } from './admin/replay-estimate.ts'
export type { FirstRecord, ShardReplay } from './admin/replay-plan.ts'
export type { ShardLag } from './admin/shard-lag.ts'
export { type UnpackSettings, unpack } from './aggregation/unpack.ts'
export { type Checkpoint, compareSequence } from './checkpoint.ts'
export type { Clock, Random } from './clock.ts'
export { KinesisConsumer, type StopOptions } from './consumer.ts'
export {
  ConsumerError,
  ConsumerOptionError,
  ConsumerUsageError,
  DecodeError,
  DuplicateWorkerError,
  HandlerTimeoutError,
  LeaseLostError,
  LeaseRowError,
  LeaseTableError,
  LeaseTableMissingError,
  LeaseTableTimeoutError,
  PauseError,
  StreamMissingError,
  StreamReplyError,
} from './errors.ts'
export type { ConsumerEvents } from './events.ts'
export { MemoryBudget } from './fetching/byte-budget.ts'
export { type ConsumerHealth, type HealthOptions, type HealthReason, healthOf } from './health.ts'
export type { IteratedRecord, RecordControl } from './iteration/record-iterator.ts'
export type { FanOut } from './kinesis/fan-out-options.ts'
export type { Lease } from './leases/lease.ts'
export type { LeaseTableOptions } from './leases/lease-table-options.ts'
export { type DrainInput, timeToDrainMs } from './metrics/drain-estimate.ts'
export type { ConsumerEmitter, EventOrigin } from './metrics/emitter.ts'
export type { ConsumerLogger } from './metrics/event-log.ts'
export type { ConsumerMetrics, ConsumerState, LeaseStatus, ShardStatus } from './metrics/metrics.ts'
export { exportToOpenTelemetry, type MetricsMeter, type MetricsObserver } from './metrics/open-telemetry.ts'
export { PROMETHEUS_CONTENT_TYPE, prometheusText } from './metrics/prometheus.ts'
export type { ConsumerOptions } from './options.ts'
export type { Pause } from './pausing/pause-state.ts'
export type { PauseOptions } from './pausing/worker-pause.ts'
export type { ConsumerPorts } from './ports.ts'
export { BatchFailure, type FailedRecord } from './processing/batch-failure.ts'
export { classifyError, type ErrorClass } from './processing/classify.ts'
export type { DeadLetterContext, DeadLetterPort, RecordFailure } from './processing/dead-letter.ts'
export type { Decoder } from './processing/decode.ts'
export type { BatchOptions, BreakerOptions, ProcessingOptions, RetryOptions } from './processing/processing-options.ts'
export type { GiveUpReason } from './processing/retry-policy.ts'
export type { BatchContext, BatchHandler, ConsumerRecord, RawRecord, RecordContext, RecordHandler } from './record.ts'
export type { InitialPosition } from './shards/initial-position.ts'
