import { hasBegun, isSequence, LATEST } from '../checkpoint.ts'
import { isOpen, type Lease, newLease, restartLease } from '../leases/lease.ts'
import { FROM_TRIM_HORIZON, type StartingPlace, startingAt } from './initial-position.ts'
import type { ChildShard, Shard } from './shard.ts'

export interface PlanInput {
  shards: readonly Shard[]
  /** The whole table, read after the shards were listed. */
  leases: readonly Lease[]
  /** Where shards start that have no lease. */
  place: StartingPlace
}

/**
 * The leases that are missing from the table.
 *
 * A shard whose descendant has been begun is behind us and needs none. Every other starts where the application did, whether
 * it is closed or open: what it has from before is not read, and its descendants wait for it. Only where the application
 * starts at LATEST by this very plan the closed ones need none: that moment came after they were listed as closed.
 */
export function planLeases({ shards, leases, place }: PlanInput): Lease[] {
  const known = new Set(leases.map(lease => lease.leaseKey))
  const behindUs = ancestorsOfBegun(leases, lineageOf(shards))
  const isFirst = place.checkpoint.sequenceNumber === LATEST.sequenceNumber
  return shards
    .filter(({ shardId, closed }) => !known.has(shardId) && !behindUs.has(shardId) && !(isFirst && closed))
    .map(shard => leaseOf(shard, place))
}

/** The parents of each shard that the stream lists, by shard id. */
export type Lineage = ReadonlyMap<string, readonly string[]>

export function lineageOf(shards: readonly Pick<Shard, 'shardId' | 'parentShardIds'>[]): Lineage {
  return new Map(shards.map(shard => [shard.shardId, shard.parentShardIds]))
}

/**
 * The lease of a shard that comes after one that has ended. It starts where the application did: a parent that was closed
 * before that moment was read from behind its end.
 */
export function childLease(shard: ChildShard, { startAt }: Pick<Lease, 'startAt'>): Lease {
  return leaseOf(shard, startingAt(startAt))
}

/**
 * The leases that may be worked on: those with something left to read whose parents are done. A parent is done at SHARD_END,
 * or when it is neither in the table nor in the stream any more. One that has no lease but is still in the stream has never
 * been read: the child waits until the plan above has made its lease, unless the plan makes none.
 */
export function workableLeases(leases: readonly Lease[], listed: Lineage): Lease[] {
  const byKey = new Map(leases.map(lease => [lease.leaseKey, lease]))
  const behindUs = ancestorsOfBegun(leases, listed)
  // A list that is older than the child may be older than its parent too: only one that has the child in it, or what came
  // of the child since, proves anything.
  const known = new Set([...listed.keys(), ...ancestors([...listed.keys()], parentsIn(leases, listed))])
  const isDone = (parentId: string, { leaseKey }: Lease) => {
    const parent = byKey.get(parentId)
    if (parent) return !isOpen(parent)
    return behindUs.has(parentId) || (known.has(leaseKey) && !listed.has(parentId))
  }
  const mayBegin = (lease: Lease) => lease.parentShardIds.every(parentId => isDone(parentId, lease))
  return leases.filter(lease => isOpen(lease) && (isSequence(lease.checkpoint) || mayBegin(lease)))
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
    return [{ lease, next: restartLease(lease, leaseOf(shard, FROM_TRIM_HORIZON)) }]
  })
}

/**
 * The leases that nobody needs any more: at SHARD_END, all their children begun, and their own parents gone before them, so
 * that what is left of a family always says how far it is done.
 */
export function obsoleteLeases(leases: readonly Lease[]): Lease[] {
  const byKey = new Map(leases.map(lease => [lease.leaseKey, lease]))
  const hasBegunChild = (childId: string) => {
    const child = byKey.get(childId)
    return child !== undefined && hasBegun(child.checkpoint)
  }
  return leases.filter(
    lease =>
      !isOpen(lease) &&
      lease.leaseOwner === undefined &&
      lease.childShardIds.length > 0 &&
      lease.childShardIds.every(hasBegunChild) &&
      !lease.parentShardIds.some(parentId => byKey.has(parentId)),
  )
}

function leaseOf(shard: ChildShard, place: StartingPlace): Lease {
  const { shardId: leaseKey, parentShardIds, startingHashKey, endingHashKey, startingSequenceNumber } = shard
  return newLease({
    leaseKey,
    parentShardIds,
    startingHashKey,
    endingHashKey,
    shardStart: startingSequenceNumber,
    ...place,
  })
}

/** Of leases that were cleaned up only the stream still tells whose children they were, and of trimmed shards only the leases. */
export function ancestorsOfBegun(leases: readonly Lease[], listed: Lineage): Set<string> {
  const begun = leases.filter(lease => hasBegun(lease.checkpoint)).map(lease => lease.leaseKey)
  return ancestors(begun, parentsIn(leases, listed))
}

function parentsIn(leases: readonly Lease[], listed: Lineage): Lineage {
  return new Map([...leases.map(lease => [lease.leaseKey, lease.parentShardIds] as const), ...listed])
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
