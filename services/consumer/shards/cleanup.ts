import { hasBegun } from '../checkpoint.ts'
import { isOpen, type Lease } from '../leases/lease.ts'

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
