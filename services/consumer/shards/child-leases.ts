import type { Lease } from '../leases/lease.ts'
import type { LeaseStore } from '../leases/lease-store.ts'
import { ancestorsOfBegun, childLease, lineageOf } from './lease-plan.ts'
import type { ChildShard } from './shard.ts'

/**
 * Creates the leases of the shards that follow an ended shard. Resolves when all of them exist.
 *
 * Cleanup keeps the leases of direct children while the lease of the parent exists. A later descendant may have been
 * processed and cleaned up already. A new lease for it would deliver its records again.
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
