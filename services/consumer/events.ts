import type { Checkpoint } from './checkpoint.ts'
import type { ConsumerError } from './errors.ts'
import type { LossReason } from './leases/held-lease.ts'
import type { Pause } from './pausing/pause-state.ts'
import type { GiveUpReason } from './processing/retry-policy.ts'
import type { ConsumerRecord } from './record.ts'

/**
 * The events of a consumer, sent to `events` and to the diagnostics channel `headgate:consumer:<event>`. Events of a
 * shard have its `shardId`. `recordStarted` and `recordHandled` are created only while somebody listens.
 */
export interface ConsumerEvents {
  /** This worker took a lease. `from` is the previous owner, if the owner had not released it. */
  leaseAcquired: [{ shardId: string; from: string | undefined; checkpoint: Checkpoint }]
  /** A lease was renewed without a new checkpoint. */
  leaseRenewed: [{ shardId: string; leaseCounter: number }]
  /** A checkpoint was written to the lease table. The same write renews the lease. */
  checkpointed: [{ shardId: string; checkpoint: Checkpoint; leaseCounter: number }]
  /** This worker no longer holds a lease: it released the lease or lost it. */
  leaseLost: [{ shardId: string; reason: LossReason }]
  /** Every record of a shard is done, and its children can be read. */
  shardEnded: [{ shardId: string; childShardIds: readonly string[] }]
  /** Records were fetched. An aggregated record counts as one. `bytes` is the size of their data. */
  recordsFetched: [{ shardId: string; records: number; bytes: number; millisBehindLatest: number }]
  /**
   * Kinesis throttled `calls` reads since the last event of this kind, because other applications poll these shards, too.
   * The reads are repeated, and the worker reads the shards less often until there is room. Emitted at most once a minute.
   */
  readsThrottled: [{ calls: number; shardIds: readonly string[] }]
  /**
   * An aggregated record contained `records` records whose keys belong to another shard, for example after a reshard.
   * They are handled like all others.
   */
  aggregateOutsideShard: [{ shardId: string; sequenceNumber: string; records: number }]
  /** No open lease has covered this hash key for several checks, so nobody reads its records. Decimal digits. */
  hashRangeHole: [{ hashKey: string }]
  /** A record was passed to its handler. */
  recordStarted: [{ shardId: string; sequenceNumber: string; attempt: number }]
  /** A handler resolved, `ms` milliseconds after it was called. */
  recordHandled: [{ shardId: string; sequenceNumber: string; attempt: number; ms: number }]
  /** A handler rejected. The record is retried after `retryInMs`. */
  recordFailed: [
    {
      shardId: string
      sequenceNumber: string
      attempt: number
      retryInMs: number
      error: unknown
      record: ConsumerRecord
    },
  ]
  /** A record was given up and its dead letter is stored. `error` is the error of its last attempt. */
  recordDeadLettered: [
    { shardId: string; sequenceNumber: string; attempts: number; reason: GiveUpReason; error: unknown },
  ]
  /**
   * The dead-letter port rejected with `error`. It is called again after `retryInMs`, and the checkpoint waits for it.
   */
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
  /** A batch was passed to its handler. */
  batchStarted: [{ shardId: string; records: number; attempt: number }]
  /**
   * The handler of a batch ended after `ms`. `failed` of its records failed, each with an event of its own; the others
   * are done.
   */
  batchHandled: [{ shardId: string; records: number; attempt: number; failed: number; ms: number }]
  /** A batch failed as a whole. It is retried after `retryInMs`, in halves, or unchanged if a dependency failed. */
  batchFailed: [{ shardId: string; records: number; halved: boolean; retryInMs: number; error: unknown }]
  /**
   * A dependency failed so often in a row that no record starts on any shard for `retryInMs`. Then one record is tried.
   */
  breakerOpened: [{ failures: number; retryInMs: number }]
  /** The tried record succeeded, and records start again. */
  breakerClosed: [{ openForMs: number }]
  /**
   * This worker is paused: it fetches no records and starts no handler until it is resumed. If the worker was paused
   * before its start, this is its first event. Emitted again if another pause applies.
   */
  paused: [Omit<Pause, 'workerId'>]
  /** The pause is over after `pausedForMs`, and records are fetched and handled again. `by` names who resumed it. */
  resumed: [{ by: string; pausedForMs: number }]
  /**
   * No worker takes these leases, and this one is at its `maxLeases`. So nobody reads the shards. Emitted again every
   * minute while it lasts.
   */
  shardsUnread: [{ shardIds: readonly string[]; maxLeases: number }]
  /**
   * The consumer cannot continue, and stops. Start a new one when the cause is gone, preferably by restarting the
   * process. Without a listener and a logger, the process emits a warning.
   */
  failed: [{ error: ConsumerError }]
  /**
   * A call to Kinesis or DynamoDB failed, or a function of the options threw. A failed call is retried, and nothing is
   * lost. Throttled reads of a shard are counted by `readsThrottled` instead.
   */
  fault: [{ operation: string; shardId: string | undefined; error: unknown }]
}
