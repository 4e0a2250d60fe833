import type { Random } from '../clock.ts'
import type { Lease } from './lease.ts'

export interface AssignmentInput {
  /** Every lease that can be processed now: its shard has not ended, and its parents are done. */
  leases: readonly Lease[]
  workerId: string
  /** Identifies this run of the worker. An earlier run or a duplicate worker has a different session. */
  session: string
  /** Keys of the leases that this worker holds, even if a stale read of the table says otherwise. */
  held: ReadonlySet<string>
  /** True if the owner is dead: the counter has not changed for the failover time. */
  isExpired(lease: Lease): boolean
  /** True if the lease has not changed for longer than a worker needs to renew it or to take it. */
  isUnclaimed(lease: Lease): boolean
  /** True if this worker requested the lease a failover time ago and the owner has not released it. */
  isOverdue(lease: Lease): boolean
  /** True if this worker could have taken the lease for some time but left it to others, and none of them took it. */
  isLeftOver(lease: Lease): boolean
  /** Maximum number of leases that this worker may hold. */
  maxLeases: number
  random: Random
}

export interface Assignment {
  /** Leases to take now, whatever their owners do. */
  take: Lease[]
  /** The lease to request from its live owner. */
  request: Lease | undefined
  /** Available leases that this worker leaves to others. */
  leftToOthers: Lease[]
  /** Leases that this worker would take if it did not have its maximum number. Nobody else has taken them either. */
  unread: Lease[]
}

/**
 * Decides what this worker should do now. It first takes leases that have no owner or a dead owner, up to its fair
 * share. It takes more than its share only of leases that it left to other workers and that nobody took: the others may
 * not know yet that the owner is dead, or may hang. If no lease is available, it requests one from the worker that has
 * the most, but only if their numbers then differ by at most one. So a fleet becomes stable, and in a stable fleet no
 * lease moves. A worker requests one lease at a time. It takes a requested lease when the owner does not release it in
 * time, because the owner may be a KCL worker, which ignores requests.
 *
 * Leases in this worker's name that it does not hold were left by an earlier process, or belong to a duplicate worker.
 * Until this is clear, the worker takes no other lease. So the first of two duplicates continues, and the second one
 * stops before it does any harm.
 *
 * A worker that has its maximum number of leases takes and requests no further one.
 */
export function decide(input: AssignmentInput): Assignment {
  const { held, isLeftOver, maxLeases } = input
  const wanted = decideWithoutMaximum(input)
  const capacity = Math.max(0, maxLeases - held.size)
  const [take, refused] = split(wanted.take, capacity)
  return {
    take,
    request: take.length < capacity ? wanted.request : undefined,
    // Another worker gets as long to take a refused lease as one beyond the share.
    leftToOthers: [...wanted.leftToOthers, ...refused],
    unread: refused.filter(isLeftOver),
  }
}

function decideWithoutMaximum(input: AssignmentInput): Omit<Assignment, 'unread'> {
  const { leases, workerId, held, random, isOverdue, isLeftOver } = input
  const others = leases.filter(lease => !held.has(lease.leaseKey))
  const mayHaveDuplicate = others.some(lease => isOfAnotherRun(lease, input))
  const { available = [], owned = [] } = Object.groupBy(others, lease =>
    isAvailable(lease, input) ? 'available' : 'owned',
  )
  const byOwner = countByOwner(owned)
  const mine = leases.length - others.length
  const share = Math.ceil(leases.length / (byOwner.size + 1))
  const isReservedForUs = ({ leaseOwner, requestedBy }: Lease) => leaseOwner === workerId || requestedBy === workerId
  const take = available.filter(lease => (mayHaveDuplicate ? lease.leaseOwner === workerId : isReservedForUs(lease)))
  if (mayHaveDuplicate) return { take, request: undefined, leftToOthers: [] }
  const free = available.filter(lease => !isReservedForUs(lease))

  const room = share - mine - take.length
  const [within, beyond] = split(shuffled(free, random), Math.max(0, room))
  take.push(...within, ...beyond.filter(isLeftOver))
  if (available.length > 0)
    return { take, request: undefined, leftToOthers: beyond.filter(lease => !isLeftOver(lease)) }

  const requestedByUs = others.filter(lease => lease.requestedBy === workerId)
  if (requestedByUs.length > 0)
    return { take: requestedByUs.filter(isOverdue).slice(0, 1), request: undefined, leftToOthers: [] }

  const [largest] = [...byOwner.values()].sort((a, b) => b.length - a.length)
  if (!largest || largest.length - mine < 2) return { take: [], request: undefined, leftToOthers: [] }
  // A lease that KCL 3 is handing over counts for its owner but cannot be requested. Neither can a lease that another
  // worker has requested.
  const requestable = largest.filter(lease => lease.checkpointOwner === undefined && lease.requestedBy === undefined)
  return { take: [], request: shuffled(requestable, random)[0], leftToOthers: [] }
}

function isAvailable(lease: Lease, input: AssignmentInput): boolean {
  const { workerId, isExpired, isUnclaimed } = input
  if (isExpired(lease)) return true
  if (lease.checkpointOwner !== undefined) return false
  if (isOfAnotherRun(lease, input)) return isUnclaimed(lease)
  // A lease that this run owns but does not hold was taken by a write whose reply was lost.
  if (lease.leaseOwner !== undefined) return lease.leaseOwner === workerId
  return lease.requestedBy === undefined || lease.requestedBy === workerId || isUnclaimed(lease)
}

function isOfAnotherRun({ leaseOwner, session }: Lease, input: AssignmentInput): boolean {
  return leaseOwner === input.workerId && session !== input.session
}

/** Groups the leases by live owner. A lease that was released for a worker counts as that worker's. */
function countByOwner(leases: readonly Lease[]): Map<string, Lease[]> {
  const byOwner = new Map<string, Lease[]>()
  for (const lease of leases) {
    const owner = lease.leaseOwner ?? lease.requestedBy
    if (owner === undefined) continue
    byOwner.set(owner, [...(byOwner.get(owner) ?? []), lease])
  }
  return byOwner
}

function split<T>(items: readonly T[], at: number): [T[], T[]] {
  return [items.slice(0, at), items.slice(at)]
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
