import { hasBegun } from '../checkpoint.ts'
import { isOpen, type Lease, newLease, restarted } from '../leases/lease.ts'
import { FROM_TRIM_HORIZON, type StartingPlace } from './initial-position.ts'
import type { ChildShard, Shard } from './shard.ts'

export interface PlanInput {
  shards: readonly Shard[]
  leases: readonly Lease[]
  /** Where shards start that descend from none we know. */
  initial: StartingPlace
}

/**
 * The leases that are missing from the table.
 *
 * A shard whose descendant has been begun is behind us and needs none. A shard that is related to one with a lease starts at
 * its very first record: a descendant cannot have been read, and an ancestor of leases that wait to begin has lost its own.
 * Any other starts at the initial position; a closed one then only where that is TRIM_HORIZON, because its records are older
 * than any later place.
 */
export function planLeases({ shards, leases, initial }: PlanInput): Lease[] {
  const byKey = new Map(leases.map(lease => [lease.leaseKey, lease]))
  const parentsOf = lineageOf(shards)
  const behindUs = ancestors(
    leases.filter(lease => hasBegun(lease.checkpoint)).map(lease => lease.leaseKey),
    parentsOf,
  )
  const waitedFor = ancestors([...byKey.keys()], parentsOf)
  const isRelated = (shardId: string) =>
    waitedFor.has(shardId) || [...ancestors([shardId], parentsOf)].some(ancestor => byKey.has(ancestor))
  const fromStart = !hasBegun(initial.checkpoint)

  return shards
    .filter(({ shardId }) => !byKey.has(shardId) && !behindUs.has(shardId))
    .flatMap(shard => {
      if (isRelated(shard.shardId)) return [leaseOf(shard, FROM_TRIM_HORIZON)]
      return shard.closed && !fromStart ? [] : [leaseOf(shard, initial)]
    })
}

/** The parents of each shard that the stream lists, by shard id. */
export type Lineage = ReadonlyMap<string, readonly string[]>

export function lineageOf(shards: readonly Shard[]): Lineage {
  return new Map(shards.map(shard => [shard.shardId, shard.parentShardIds]))
}

/** The lease of a shard that has just come to be because its parent ended. */
export function childLease(shard: ChildShard): Lease {
  return leaseOf(shard, FROM_TRIM_HORIZON)
}

/**
 * The leases that may be worked on: those with something left to read whose parents are done. A parent is done at SHARD_END,
 * or when it is neither in the table nor in the stream any more. One that has no lease but is still in the stream has never
 * been read: the child waits until the plan above has made its lease.
 */
export function workableLeases(leases: readonly Lease[], listed: Lineage): Lease[] {
  const byKey = new Map(leases.map(lease => [lease.leaseKey, lease]))
  // The plan makes no lease of a shard whose descendant has begun: waiting for it would be for ever.
  const behindUs = ancestors(
    leases.filter(lease => hasBegun(lease.checkpoint)).map(lease => lease.leaseKey),
    // Of leases that were cleaned up only the stream still tells whose children they were.
    new Map([...leases.map(lease => [lease.leaseKey, lease.parentShardIds] as const), ...listed]),
  )
  // A list that is older than the child may be older than its parent too: only one with the child in it proves anything.
  const isDone = (parentId: string, { leaseKey }: Lease) => {
    const parent = byKey.get(parentId)
    if (parent) return !isOpen(parent)
    return behindUs.has(parentId) || (listed.has(leaseKey) && !listed.has(parentId))
  }
  const mayBegin = (lease: Lease) => lease.parentShardIds.every(parentId => isDone(parentId, lease))
  return leases.filter(lease => isOpen(lease) && (hasBegun(lease.checkpoint) || mayBegin(lease)))
}

export interface LeaseChange {
  readonly lease: Lease
  readonly next: Lease
}

/**
 * What the shards tell of leases that are there. A lease learns where its shard starts. One that knows another start is of a
 * shard that had the same id, in a stream that was deleted and made again since: it begins anew.
 */
export function planChanges(shards: readonly Shard[], leases: readonly Lease[]): LeaseChange[] {
  const byKey = new Map(leases.map(lease => [lease.leaseKey, lease]))
  return shards.flatMap(shard => {
    const lease = byKey.get(shard.shardId)
    const shardStart = shard.startingSequenceNumber
    if (!lease || shardStart === undefined || lease.shardStart === shardStart) return []
    if (lease.shardStart === undefined) return [{ lease, next: { ...lease, shardStart } }]
    return [{ lease, next: restarted(lease, leaseOf(shard, FROM_TRIM_HORIZON)) }]
  })
}

function leaseOf(shard: ChildShard, place: StartingPlace): Lease {
  const { shardId: leaseKey, parentShardIds, startingHashKey, endingHashKey, startingSequenceNumber } = shard
  return newLease({
    ...{ leaseKey, parentShardIds, startingHashKey, endingHashKey },
    shardStart: startingSequenceNumber,
    ...place,
  })
}

function ancestors(shardIds: readonly string[], parentsOf: Lineage): Set<string> {
  const found = new Set<string>()
  const left = [...shardIds]
  for (let shardId = left.pop(); shardId !== undefined; shardId = left.pop()) {
    for (const parent of parentsOf.get(shardId) ?? []) {
      if (found.has(parent)) continue
      found.add(parent)
      left.push(parent)
    }
  }
  return found
}
