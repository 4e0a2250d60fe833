import { compareSequence, isSequence, isShardEnd } from '../checkpoint.ts'
import type { Lease } from '../leases/lease.ts'
import { ancestorsOfBegun, lineageOf } from '../shards/lease-plan.ts'
import type { Shard } from '../shards/shard.ts'

/** The first record of a shard from a moment on. */
export interface FirstRecord {
  sequenceNumber: string
  arrivedAt: Date
}

/** What a replay does to one shard. */
export type ShardReplay = { shardId: string; first: FirstRecord | undefined } & (
  | { change: 'move'; lease: Lease }
  /** The shard was done to its end, and its lease has been cleaned up since. */
  | { change: 'create'; shard: Shard }
  | { change: 'none'; why: 'nothing came since' | 'not read that far yet' }
)

export interface ReplayInput {
  /** Epoch milliseconds. */
  at: number
  shards: readonly Shard[]
  leases: readonly Lease[]
  /** By shard id. `unknown` where Kinesis gave nothing within a bound, and may yet. */
  firsts: ReadonlyMap<string, FirstRecord | 'none' | 'unknown'>
}

/**
 * What it takes to handle again all that came since a moment, parents before their children. Never moves a shard forward: what
 * it has not done yet would be lost.
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
      // One that has no lease and is not behind us is new: its lease is yet to be made, and nothing of it is done.
      if (!lease && behindUs.has(shardId)) return { shardId, first, change: 'create', shard }
      return { shardId, first, change: 'none', why: 'not read that far yet' }
    })
}

/** Whether the lease is, or begins, behind the moment. */
export function isPast({ checkpoint, startAt }: Lease, first: FirstRecord | undefined, at: number): boolean {
  if (isShardEnd(checkpoint)) return true
  if (!isSequence(checkpoint)) return startAt !== undefined && startAt > at
  // Where it is not known what came first, to begin again is safe and to leave it is not.
  return first === undefined || compareSequence(first.sequenceNumber, checkpoint.sequenceNumber) <= 0
}
