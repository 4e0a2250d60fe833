import { isShardEnd } from '../../consumer/checkpoint.ts'
import type { Pause } from '../../consumer/index.ts'
import type { Lease } from '../../consumer/leases/lease.ts'
import type { Shard } from '../../consumer/shards/shard.ts'
import type { ArrivalView, LagView, PauseView, ShardView } from '../snapshot.ts'
import type { LeaseHistory } from './lease-history.ts'

export interface ShardViewsInput {
  /** Undefined: the stream has not been listed, so nothing is known about its shards but their leases. */
  shards: readonly Shard[] | undefined
  history: Pick<LeaseHistory, 'leases' | 'view'>
  lags: ReadonlyMap<string, LagView>
  arrivals: ReadonlyMap<string, ArrivalView>
}

/** Joins what the stream, the lease table and the measurements say about each shard. Sorted by id. */
export function shardViews({ shards: found, history, lags, arrivals }: ShardViewsInput): Map<string, ShardView> {
  const shards = found ?? []
  const views: ShardView[] = []
  const leases = new Map(history.leases.map(lease => [lease.leaseKey, lease]))
  const superseded = ancestorsOf(leases.values(), shards)
  const add = (id: string, shard: Shard | undefined, lease: Lease | undefined) =>
    views.push({
      id,
      parents: shard?.parentShardIds ?? lease?.parentShardIds ?? [],
      isListed: shard !== undefined,
      isClosed: shard?.closed ?? (found !== undefined || (lease !== undefined && isShardEnd(lease.checkpoint))),
      isFinished: lease === undefined ? superseded.has(id) : isShardEnd(lease.checkpoint),
      firstHashKey: shard?.startingHashKey ?? lease?.startingHashKey ?? null,
      lastHashKey: shard?.endingHashKey ?? lease?.endingHashKey ?? null,
      lease: history.view(id),
      lag: lags.get(id) ?? null,
      arrivals: arrivals.get(id) ?? null,
    })
  for (const shard of shards) add(shard.shardId, shard, leases.get(shard.shardId))
  const listed = new Set(shards.map(({ shardId }) => shardId))
  for (const [id, lease] of leases) if (!listed.has(id)) add(id, undefined, lease)
  views.sort((a, b) => (a.id < b.id ? -1 : 1))
  return new Map(views.map(view => [view.id, view]))
}

/**
 * Returns the ids of the shards with a descendant that has a lease. The application needs such a shard no more, unless it has a lease
 * itself: workers delete the leases of shards that were read to their end.
 */
function ancestorsOf(leases: Iterable<Lease>, shards: readonly Shard[]): Set<string> {
  const parentsOf = new Map(shards.map(({ shardId, parentShardIds }) => [shardId, parentShardIds]))
  const ancestors = new Set<string>()
  const visit = (ids: readonly string[]) => {
    for (const id of ids) {
      if (ancestors.has(id)) continue
      ancestors.add(id)
      visit(parentsOf.get(id) ?? [])
    }
  }
  for (const { parentShardIds } of leases) visit(parentShardIds)
  return ancestors
}

export function toPauseView({ workerId, by, reason, at }: Pause): PauseView {
  return { workerId: workerId ?? null, by, reason, at: at.getTime() }
}
