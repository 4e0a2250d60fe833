import type { Lease } from '../leases/lease.ts'
import type { LeaseStore } from '../leases/lease-store.ts'
import { ancestorsOfBegun, childLease, lineageOf } from './lease-plan.ts'
import type { ChildShard } from './shard.ts'

/**
 * Creates the leases of the shards that come after one that has ended. Resolves when all of them exist.
 *
 * Cleanup keeps the leases of direct children while the parent's lease exists. A farther descendant may have been read and
 * cleaned up already: a new lease would have its records handled again.
 */
export async function createChildLeases(
  parent: Lease,
  children: readonly ChildShard[],
  store: Pick<LeaseStore, 'list' | 'create'>,
): Promise<void> {
  const areDirect = children.every(child => child.parentShardIds.includes(parent.leaseKey))
  const behindUs = areDirect
    ? new Set<string>()
    : ancestorsOfBegun(await store.list({ consistent: true }), lineageOf(children))
  for (const child of children) if (!behindUs.has(child.shardId)) await store.create(childLease(child, parent))
}
