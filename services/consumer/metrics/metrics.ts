import type { Lease } from '../leases/lease.ts'
import type { Pause } from '../pausing/pause-state.ts'
import type { BreakerState } from '../processing/breaker.ts'
import type { Counters } from './counters.ts'
import type { EventOrigin } from './emitter.ts'

/**
 * The state of a consumer. `starting`: it waits for the stream or the lease table. `stopping`: running handlers end. A
 * consumer that is `stopped` because it could not continue has a `failure`.
 */
export type ConsumerState = 'created' | 'starting' | 'running' | 'stopping' | 'stopped'

/** The status of one shard whose lease this worker holds. */
export interface ShardStatus {
  /** The shard id. */
  shardId: string
  /** The checkpoint in the lease table. */
  checkpoint: string
  /** Number of records that have been fetched and that the watermark has not passed. */
  pending: number
  /**
   * How far the last fetched record is behind the tip of the shard; undefined before the first fetch. While the worker
   * is paused, the time since the last fetch is added, as an upper bound.
   */
  millisBehindLatest: number | undefined
  /** Milliseconds since the last reply of Kinesis, with or without records; undefined before the first fetch. */
  fetchAgeMs: number | undefined
  /** Milliseconds for which records have waited while none was done in order; 0 while no record waits. */
  stalledMs: number
  /** The token with which handlers of this shard fence their writes. */
  fencingToken: number
  /** Milliseconds since this worker last moved the checkpoint, or since it took the lease. */
  checkpointAgeMs: number
  /** Bytes of records in memory. */
  bufferedBytes: number
  /** Recent number of records done per second; undefined before the second fetch and while the worker is paused. */
  recordsPerSecond: number | undefined
  /**
   * Estimated milliseconds until every record is done, see `timeToDrainMs`. Infinity if the shard falls behind,
   * undefined while unknown and while the worker is paused.
   */
  timeToDrainMs: number | undefined
}

/** A lease of the application, of any owner, as last read by this worker. */
export interface LeaseStatus {
  /** The shard id. */
  shardId: string
  /** The worker that holds the lease; undefined if no worker does. */
  owner: string | undefined
  /** Optimistic lock and heartbeat of the lease. */
  leaseCounter: number
  /** The sequence number of the checkpoint, or a sentinel such as `TRIM_HORIZON`. */
  checkpoint: string
  /** Number of times that the owner changed since the checkpoint last moved. */
  ownerSwitchesSinceCheckpoint: number
}

/** What a worker has done since it was created, and its current state. */
export interface ConsumerMetrics {
  /** The `workerId` of the consumer. */
  workerId: string
  /** The option `applicationName` of the consumer. */
  applicationName: string
  /** The option `streamName` of the consumer. */
  streamName: string
  /**
   * Number of leases held now, acquired, lost, and lost to another worker (`stolen`), and number of shards that ended.
   * `unread` is the number of leases that no worker takes while this worker is at its `maxLeases`.
   */
  leases: { held: number; acquired: number; lost: number; stolen: number; ended: number; unread: number }
  /** Requests to the lease table, including rejected writes. */
  leaseTable: { reads: number; writes: number }
  /** Number of records fetched, handled, pending now, retried, and stored as dead letters. */
  records: { fetched: number; handled: number; pending: number; retries: number; deadLetters: number }
  /** Number of records that are handled without a place, see `context.yieldPlace`. */
  yielded: number
  /**
   * Bytes of data fetched and handled, bytes of records in memory now, and their maximum. Consumers with one `MemoryBudget`
   * share the maximum.
   */
  bytes: { fetched: number; handled: number; buffered: number; maxBuffered: number }
  /** Number of retries of batches. */
  batchRetries: number
  /** Number of times that `deadLetter` rejected. */
  deadLetterFailures: number
  /** Number of failed calls to Kinesis or DynamoDB and of functions of the options that threw, see the event `fault`. */
  faults: number
  /** Number of reads that Kinesis throttled, usually because other applications poll the same shards. They are no faults. */
  readsThrottled: number
  /**
   * Milliseconds since the last complete read of the lease table, or since the start if there was none; undefined before
   * the start.
   */
  scanAgeMs: number | undefined
  /** State of the circuit breaker, and how often it opened. */
  breaker: { state: BreakerState; openings: number }
  /** The pause that applies to this worker; undefined if it is not paused. */
  paused: Pause | undefined
  /** The value of the shard that is furthest behind; undefined until a shard has been fetched from. */
  millisBehindLatest: number | undefined
  /** The value of the shard with the oldest checkpoint; undefined without a shard. */
  checkpointAgeMs: number | undefined
  /** The value of the shard that takes longest; undefined without a shard, and while it is unknown for any shard. */
  timeToDrainMs: number | undefined
  /** One entry for each shard whose lease this worker holds. */
  shards: readonly ShardStatus[]
}

export function leaseStatusOf(lease: Lease): LeaseStatus {
  return {
    shardId: lease.leaseKey,
    owner: lease.leaseOwner,
    leaseCounter: lease.leaseCounter,
    checkpoint: lease.checkpoint.sequenceNumber,
    ownerSwitchesSinceCheckpoint: lease.ownerSwitchesSinceCheckpoint,
  }
}

export interface MetricsInput {
  origin: EventOrigin
  scanAgeMs: number | undefined
  counters: Counters
  shards: readonly ShardStatus[]
  bufferedBytes: number
  maxBufferedBytes: number
  yielded: number
  breaker: BreakerState
  paused: Pause | undefined
  unread: number
}

export function metricsOf({
  origin,
  scanAgeMs,
  counters,
  shards,
  bufferedBytes,
  maxBufferedBytes,
  yielded,
  breaker,
  paused,
  unread,
}: MetricsInput): ConsumerMetrics {
  const drains = shards.map(shard => shard.timeToDrainMs)
  return {
    ...origin,
    leases: {
      held: shards.length,
      acquired: counters.leasesAcquired,
      lost: counters.leasesLost,
      stolen: counters.leasesStolen,
      ended: counters.shardsEnded,
      unread,
    },
    leaseTable: { reads: counters.leaseTableReads, writes: counters.leaseTableWrites },
    records: {
      fetched: counters.recordsFetched,
      handled: counters.recordsHandled,
      pending: shards.reduce((sum, shard) => sum + shard.pending, 0),
      retries: counters.retries,
      deadLetters: counters.deadLetters,
    },
    yielded,
    bytes: {
      fetched: counters.bytesFetched,
      handled: counters.bytesHandled,
      buffered: bufferedBytes,
      maxBuffered: maxBufferedBytes,
    },
    batchRetries: counters.batchRetries,
    deadLetterFailures: counters.deadLetterFailures,
    faults: counters.faults,
    readsThrottled: counters.readsThrottled,
    scanAgeMs,
    breaker: { state: breaker, openings: counters.breakerOpenings },
    paused,
    millisBehindLatest: maximum(shards.map(shard => shard.millisBehindLatest)),
    checkpointAgeMs: maximum(shards.map(shard => shard.checkpointAgeMs)),
    timeToDrainMs: drains.includes(undefined) ? undefined : maximum(drains),
    shards,
  }
}

function maximum(values: ReadonlyArray<number | undefined>): number | undefined {
  const known = values.filter(value => value !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}
