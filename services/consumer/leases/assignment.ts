import type { Random } from '../clock.ts'
import type { Lease } from './lease.ts'

export interface AssignmentInput {
  /** Every lease that can be worked on now: not ended, its parents done. */
  leases: readonly Lease[]
  workerId: string
  /** Leases that this worker holds, whatever a stale read of the table says. */
  held: ReadonlySet<string>
  isExpired(lease: Lease): boolean
  random: Random
}

/**
 * Which leases this worker should take now. First those that nobody holds or whose owner is dead, up to its fair share;
 * where there is none of those, one from the worker that has the most, and only if that leaves the two no further apart than
 * one. So a fleet comes to rest, and at rest no lease moves.
 */
export function decideTakes({ leases, workerId, held, isExpired, random }: AssignmentInput): Lease[] {
  const others = leases.filter(lease => !held.has(lease.leaseKey))
  const available = others.filter(lease => isAvailable(lease, workerId, isExpired))
  const taken = new Set(available)
  const byOwner = countByOwner(others.filter(lease => !taken.has(lease)))
  const mine = leases.length - others.length
  const share = Math.ceil(leases.length / (byOwner.size + 1))

  if (available.length > 0) return shuffled(available, random).slice(0, Math.max(0, share - mine))

  const [most] = [...byOwner.values()].sort((a, b) => b.length - a.length)
  if (!most || most.length - mine < 2) return []
  return shuffled(most, random).slice(0, 1)
}

function isAvailable(lease: Lease, workerId: string, isExpired: (lease: Lease) => boolean): boolean {
  // A lease that says it is ours while we do not hold it is left from an earlier run under this name.
  if (lease.leaseOwner === undefined || lease.leaseOwner === workerId) return lease.checkpointOwner === undefined
  return isExpired(lease)
}

/** The leases of each live owner. Those under a hand-off count as their owner's, but are not there to be stolen. */
function countByOwner(leases: readonly Lease[]): Map<string, Lease[]> {
  const byOwner = new Map<string, Lease[]>()
  for (const lease of leases) {
    if (lease.leaseOwner === undefined || lease.checkpointOwner !== undefined) continue
    const list = byOwner.get(lease.leaseOwner) ?? []
    list.push(lease)
    byOwner.set(lease.leaseOwner, list)
  }
  return byOwner
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const copy = [...items]
  for (let last = copy.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const [a, b] = [copy[last], copy[other]]
    if (a !== undefined && b !== undefined) [copy[last], copy[other]] = [b, a]
  }
  return copy
}
