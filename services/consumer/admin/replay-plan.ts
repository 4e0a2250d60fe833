import { compareSequence, isSequence, isShardEnd } from '../checkpoint.ts'
import type { Lease } from '../leases/lease.ts'
import { ancestorsOfBegun, lineageOf } from '../shards/lease-plan.ts'
import type { Shard } from '../shards/shard.ts'

/** The first record of a shard at or after a given time. */
export interface FirstRecord {
  /** Decimal digits. */
  sequenceNumber: string
  /** Time at which Kinesis received the record, by the clock of Kinesis. */
  arrivedAt: Date
}

/** What a replay does to one shard. */
export type ShardReplay = { shardId: string; first: FirstRecord | undefined } & (
  | { change: 'move'; lease: Lease }
  /** The shard ended, and its lease has been deleted since. */
  | { change: 'create'; shard: Shard }
  | { change: 'none'; why: 'nothing came since' | 'not read that far yet' }
)

export interface ReplayInput {
  /** Epoch milliseconds. */
  at: number
  shards: readonly Shard[]
  leases: readonly Lease[]
  /** By shard id. `unknown` if Kinesis returned no record within the time limit. */
  firsts: ReadonlyMap<string, FirstRecord | 'none' | 'unknown'>
}

/**
 * Plans a replay of all records since a given time, with parents before their children. It never moves a shard forward,
 * because records that are not done would be lost.
 */
export function planReplay({ at, shards, leases, firsts }: ReplayInput): ShardReplay[] {
  const byKey = new Map(leases.map(lease => [lease.leaseKey, lease]))
  const behindUs = ancestorsOfBegun(leases, lineageOf(shards))
  return shards
    .filter(({ shardId }) => firsts.has(shardId))
    .sort((a, b) => (a.shardId < b.shardId ? -1 : 1))
    .map((shard): ShardReplay => {
      const { shardId } = shard
      const found = firsts.get(shardId)
      const first = typeof found === 'object' ? found : undefined
      if (found === 'none') return { shardId, first, change: 'none', why: 'nothing came since' }
      const lease = byKey.get(shardId)
      if (lease && isPast(lease, first, at)) return { shardId, first, change: 'move', lease }
      // A shard without a lease and without a started descendant is new. Its lease has not been created yet, and none
      // of its records is done.
      if (!lease && behindUs.has(shardId)) return { shardId, first, change: 'create', shard }
      return { shardId, first, change: 'none', why: 'not read that far yet' }
    })
}

/** Returns true if the lease is past the given time, or starts after it. */
export function isPast({ checkpoint, startAt }: Lease, first: FirstRecord | undefined, at: number): boolean {
  if (isShardEnd(checkpoint)) return true
  if (!isSequence(checkpoint)) return startAt !== undefined && startAt > at
  // If the first record is unknown, a replay is safe and no replay is not.
  return first === undefined || compareSequence(first.sequenceNumber, checkpoint.sequenceNumber) <= 0
}
