import type { BreakerState } from '../processing/breaker.ts'
import type { Counters } from './counters.ts'

/** How one shard that this worker holds is doing. */
export interface ShardStatus {
  shardId: string
  /** The checkpoint in the lease table. */
  checkpoint: string
  /** Records fetched and not yet behind the watermark. */
  pending: number
  /** Undefined before the first fetch. */
  millisBehindLatest: number | undefined
  /** Milliseconds since Kinesis last answered what there is to read, be it nothing; undefined before the first fetch. */
  fetchAgeMs: number | undefined
  /** What handlers of this shard get to fence their writes with. */
  fencingToken: number
  /** Milliseconds since this worker last moved the checkpoint, or since it took the lease where it has not yet. */
  checkpointAgeMs: number
  /** Bytes of records in memory. */
  bufferedBytes: number
  /** Records done a second, of late; undefined before the second fetch. */
  recordsPerSecond: number | undefined
  /** Estimated: see `timeToDrainMs`. Infinity where the shard falls behind, undefined while nothing can be said. */
  timeToDrainMs: number | undefined
}

/** A lease of the application, whoever holds it, as this worker last read the table. */
export interface LeaseStatus {
  shardId: string
  /** The worker that holds it; undefined when nobody does. */
  owner: string | undefined
  leaseCounter: number
  checkpoint: string
  ownerSwitchesSinceCheckpoint: number
}

/** What a worker has done since it was made, and how it is now. */
export interface ConsumerMetrics {
  workerId: string
  leases: { held: number; acquired: number; lost: number; stolen: number; ended: number }
  /** Requests to the lease table; a write that it refused counts. */
  leaseTable: { reads: number; writes: number }
  records: { fetched: number; handled: number; pending: number; retries: number; deadLetters: number }
  /** Records that are handled without a place now: see `context.yieldPlace`. */
  yielded: number
  bytes: { fetched: number; handled: number; buffered: number }
  batchRetries: number
  deadLetterFailures: number
  faults: number
  breaker: { state: BreakerState; openings: number }
  /** Of the shard that is furthest behind; undefined while no shard has been fetched from. */
  millisBehindLatest: number | undefined
  /** Of the shard whose checkpoint is oldest; undefined without a shard. */
  checkpointAgeMs: number | undefined
  /** Of the shard that takes longest; undefined while it cannot be said of every shard, and without one. */
  timeToDrainMs: number | undefined
  shards: readonly ShardStatus[]
}

export interface MetricsInput {
  workerId: string
  counters: Counters
  shards: readonly ShardStatus[]
  bufferedBytes: number
  yielded: number
  breaker: BreakerState
}

export function metricsOf({
  workerId,
  counters,
  shards,
  bufferedBytes,
  yielded,
  breaker,
}: MetricsInput): ConsumerMetrics {
  const drains = shards.map(shard => shard.timeToDrainMs)
  return {
    workerId,
    leases: {
      held: shards.length,
      acquired: counters.leasesAcquired,
      lost: counters.leasesLost,
      stolen: counters.leasesStolen,
      ended: counters.shardsEnded,
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
    bytes: { fetched: counters.bytesFetched, handled: counters.bytesHandled, buffered: bufferedBytes },
    batchRetries: counters.batchRetries,
    deadLetterFailures: counters.deadLetterFailures,
    faults: counters.faults,
    breaker: { state: breaker, openings: counters.breakerOpenings },
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
