import { EventEmitter } from 'node:events'
import type { Checkpoint } from './checkpoint.ts'
import type { LossReason } from './leases/held-lease.ts'

/** What a consumer tells of itself. Every event names its shard; listeners must not throw. */
export interface ConsumerEvents {
  /** A lease came into this worker's hands; `from` is the worker it was taken from, if any. */
  leaseAcquired: [{ shardId: string; from: string | undefined; checkpoint: Checkpoint }]
  /** A lease is gone, whether given up or taken away. */
  leaseLost: [{ shardId: string; reason: LossReason }]
  /** A shard is done to its last record, and its children can be read. */
  shardEnded: [{ shardId: string; childShardIds: readonly string[] }]
  /** Records came, an aggregated one counted as one. `bytes` is the size of their data. */
  recordsFetched: [{ shardId: string; records: number; bytes: number; millisBehindLatest: number }]
  /** So many records of an aggregated record have keys of another shard, as after a reshard. They are handled like all. */
  aggregateOutsideShard: [{ shardId: string; sequenceNumber: string; records: number }]
  /** A handler rejected. The record is tried again after `retryInMs`. */
  recordFailed: [{ shardId: string; sequenceNumber: string; attempt: number; retryInMs: number; error: unknown }]
  /** No open lease covers this hash key, and that for a while: its records are read by nobody. Decimal digits. */
  hashRangeHole: [{ hashKey: string }]
  /** A call to Kinesis or DynamoDB failed. It is tried again; nothing is lost. */
  fault: [{ operation: string; shardId: string | undefined; error: unknown }]
}

export type ConsumerEmitter = EventEmitter<ConsumerEvents>

export function createEmitter(): ConsumerEmitter {
  return new EventEmitter<ConsumerEvents>()
}
