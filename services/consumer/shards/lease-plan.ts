import { compareSequence, hasBegun, isSequence, LATEST } from '../checkpoint.ts'
import { isOpen, type Lease, newLease, restartLease } from '../leases/lease.ts'
import { FROM_TRIM_HORIZON, type StartingPlace, startingAt } from './initial-position.ts'
import type { ChildShard, Shard } from './shard.ts'

export interface PlanInput {
  shards: readonly Shard[]
  /** The whole table, read after ListShards. */
  leases: readonly Lease[]
  /** Where shards without a lease start. */
  place: StartingPlace
}

/**
 * Returns the leases that are missing from the table.
 *
 * A shard with a descendant that has been started needs no lease, because it was processed. Every other shard, open or
 * closed, starts where the application did: older records are skipped, and its descendants wait for it. Closed shards
 * need no lease only if this very plan starts the application at LATEST, because that time is later than their end.
 */
export function planLeases({ shards, leases, place }: PlanInput): Lease[] {
  const known = new Set(leases.map(lease => lease.leaseKey))
  const behindUs = ancestorsOfBegun(leases, lineageOf(shards))
  const isFirst = place.checkpoint.sequenceNumber === LATEST.sequenceNumber
  return shards
    .filter(({ shardId, closed }) => !known.has(shardId) && !behindUs.has(shardId) && !(isFirst && closed))
    .map(shard => leaseOf(shard, place))
}

/** Maps each listed shard to its parents, by shard id. */
export type Lineage = ReadonlyMap<string, readonly string[]>

export function lineageOf(shards: readonly Pick<Shard, 'shardId' | 'parentShardIds'>[]): Lineage {
  return new Map(shards.map(shard => [shard.shardId, shard.parentShardIds]))
}

/** Returns the greatest first sequence number of the shards; undefined if none is known. */
export function newestStartOf(shards: readonly Pick<Shard, 'startingSequenceNumber'>[]): string | undefined {
  return shards
    .flatMap(({ startingSequenceNumber: start }) => (start === undefined ? [] : [start]))
    .reduce<string | undefined>((a, b) => (a === undefined || compareSequence(a, b) < 0 ? b : a), undefined)
}

/**
 * Returns the lease of a child of an ended shard. It starts where the application did: a parent that was closed before
 * that time had no records to process.
 */
export function childLease(shard: ChildShard, { startAt }: Pick<Lease, 'startAt'>): Lease {
  return leaseOf(shard, startingAt(startAt))
}

/**
 * Returns the leases that can be processed: those of shards that have not ended and whose parents are done. A parent is
 * done at SHARD_END, or when it is neither in the table nor in the stream. A parent that is in the stream without a
 * lease has not been processed: the child waits until `planLeases` creates its lease, unless that plan skips it.
 *
 * @param newestStart the greatest first sequence number of any listed shard, if known
 */
export function workableLeases(leases: readonly Lease[], listed: Lineage, newestStart?: string): Lease[] {
  const byKey = new Map(leases.map(lease => [lease.leaseKey, lease]))
  const behindUs = ancestorsOfBegun(leases, listed)
  // A list that is older than the child may also be older than its parent. Only a list that has the child, a descendant
  // of it, or a shard that starts later, proves that the parent was trimmed. If the children of the child were trimmed as
  // well, its descendants do not lead back to it.
  const isOlderThanList = ({ shardStart }: Lease) =>
    shardStart !== undefined && newestStart !== undefined && compareSequence(shardStart, newestStart) < 0
  const known = new Set([
    ...listed.keys(),
    ...ancestors([...listed.keys()], parentsIn(leases, listed)),
    ...leases.filter(isOlderThanList).map(lease => lease.leaseKey),
  ])
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
 * Returns the changes of existing leases. A lease without a shard start gets the one of its shard. A lease with a
 * different shard start belongs to a shard of a deleted stream with the same id: it restarts.
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
 * Returns the leases that can be deleted: at SHARD_END, with every child started, and without a parent in the table, so
 * that the rest of a family always shows the progress.
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

/**
 * Returns the ancestors of all shards that have been started. The parents of deleted leases are known only from the
 * stream, and those of trimmed shards only from the leases.
 */
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
