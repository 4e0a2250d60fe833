import type { Checkpoint } from './checkpoint.ts'
import type { ConsumerError } from './errors.ts'
import type { LossReason } from './leases/held-lease.ts'
import type { GiveUpReason } from './processing/retry-policy.ts'

/**
 * What a consumer tells of itself, to `events` and to the diagnostics channel `headgate:consumer:<event>`. Events of a
 * shard name it. What happens to every record is told only while somebody listens.
 */
export interface ConsumerEvents {
  /** A lease came into this worker's hands; `from` is the worker it was taken from, if any. */
  leaseAcquired: [{ shardId: string; from: string | undefined; checkpoint: Checkpoint }]
  /** A lease was kept, without progress to write. */
  leaseRenewed: [{ shardId: string; leaseCounter: number }]
  /** A checkpoint is in the lease table. It renews the lease as well. */
  checkpointed: [{ shardId: string; checkpoint: Checkpoint; leaseCounter: number }]
  /** A lease is gone, whether given up or taken away. */
  leaseLost: [{ shardId: string; reason: LossReason }]
  /** A shard is done to its last record, and its children can be read. */
  shardEnded: [{ shardId: string; childShardIds: readonly string[] }]
  /** Records came, an aggregated one counted as one. `bytes` is the size of their data. */
  recordsFetched: [{ shardId: string; records: number; bytes: number; millisBehindLatest: number }]
  /** So many records of an aggregated record have keys of another shard, as after a reshard. They are handled like all. */
  aggregateOutsideShard: [{ shardId: string; sequenceNumber: string; records: number }]
  /** No open lease covers this hash key, and that for a while: its records are read by nobody. Decimal digits. */
  hashRangeHole: [{ hashKey: string }]
  /** A record goes to its handler. */
  recordStarted: [{ shardId: string; sequenceNumber: string; attempt: number }]
  /** A handler resolved, `ms` after it was called. */
  recordHandled: [{ shardId: string; sequenceNumber: string; attempt: number; ms: number }]
  /** A handler rejected. The record is tried again after `retryInMs`. */
  recordFailed: [{ shardId: string; sequenceNumber: string; attempt: number; retryInMs: number; error: unknown }]
  /** A record was given up, and its dead letter is stored. `error` is what its last try threw. */
  recordDeadLettered: [
    { shardId: string; sequenceNumber: string; attempts: number; reason: GiveUpReason; error: unknown },
  ]
  /** The dead-letter port rejected with `error`. It is asked again after `retryInMs`; the checkpoint waits for it. */
  deadLetterFailed: [
    {
      shardId: string
      sequenceNumber: string
      attempts: number
      reason: GiveUpReason
      retryInMs: number
      error: unknown
    },
  ]
  /** A batch goes to its handler. */
  batchStarted: [{ shardId: string; records: number; attempt: number }]
  /** A batch came back after `ms`. Of its records `failed` failed, each told by an event of its own; the others are done. */
  batchHandled: [{ shardId: string; records: number; attempt: number; failed: number; ms: number }]
  /** A batch failed as a whole. It is tried again after `retryInMs`, in halves or, where a dependency failed, as it is. */
  batchFailed: [{ shardId: string; records: number; halved: boolean; retryInMs: number; error: unknown }]
  /** A dependency failed so often in a row that no record starts, on any shard, for `retryInMs`. Then one tries. */
  breakerOpened: [{ failures: number; retryInMs: number }]
  /** A try went well: records start again. */
  breakerClosed: [{ openForMs: number }]
  /**
   * The consumer cannot go on, and stops by itself: start it anew once the reason is gone, best by ending the process. Where
   * nobody listens, the process is warned.
   */
  failed: [{ error: ConsumerError }]
  /** A call to Kinesis or DynamoDB failed. It is tried again; nothing is lost. */
  fault: [{ operation: string; shardId: string | undefined; error: unknown }]
}
