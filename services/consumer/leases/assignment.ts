import type { Random } from '../clock.ts'
import type { Lease } from './lease.ts'

export interface AssignmentInput {
  /** Every lease that can be worked on now: not ended, its parents done. */
  leases: readonly Lease[]
  workerId: string
  /** Of this run of the worker: an earlier one, or a twin, has another. */
  session: string
  /** Leases that this worker holds, whatever a stale read of the table says. */
  held: ReadonlySet<string>
  /** Its owner is dead: the counter has rested for the failover time. */
  isExpired(lease: Lease): boolean
  /** Nobody has touched it for longer than a worker takes that comes for it, or renews it. */
  isUnclaimed(lease: Lease): boolean
  /** This worker asked for it a failover time ago, and its owner has not given it up. */
  isOverdue(lease: Lease): boolean
  /** This worker could have taken it for some time and left it to others, and none of them has taken it. */
  isLeftOver(lease: Lease): boolean
  random: Random
}

export interface Assignment {
  /** To take now, over whatever their owner does. */
  take: Lease[]
  /** To ask its live owner for. */
  request: Lease | undefined
  /** There to be taken, and left to other workers. */
  leftToOthers: Lease[]
}

/**
 * What this worker should do now. First it takes leases that nobody holds or whose owner is dead, up to its fair share. Beyond
 * its share it takes those that it left to other workers in vain: the others may have come too late to know that the owner is
 * dead, or may stand still. Where there is nothing to take, it asks the worker that has the most for one, and only if that
 * leaves the two no further apart than one. So a fleet comes to rest, and at rest no lease moves. A worker asks for one lease at a time, and takes what it has asked
 * for in vain: its owner may be a KCL that knows of no requests.
 *
 * Leases in its own name that it does not hold are left from an earlier process, or in the hands of a twin. Until it is known
 * which, it takes nothing else: of two processes of one name the first works on, and the second finds out before it does harm.
 */
export function decide(input: AssignmentInput): Assignment {
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
  // A lease under a hand-over of KCL 3 counts for its owner, but is not there to be had; nor is one that another asks for.
  const requestable = largest.filter(lease => lease.checkpointOwner === undefined && lease.requestedBy === undefined)
  return { take: [], request: shuffled(requestable, random)[0], leftToOthers: [] }
}

function isAvailable(lease: Lease, input: AssignmentInput): boolean {
  const { workerId, isExpired, isUnclaimed } = input
  if (isExpired(lease)) return true
  if (lease.checkpointOwner !== undefined) return false
  if (isOfAnotherRun(lease, input)) return isUnclaimed(lease)
  // What this very run has taken and does not hold, it took without hearing of it.
  if (lease.leaseOwner !== undefined) return lease.leaseOwner === workerId
  return lease.requestedBy === undefined || lease.requestedBy === workerId || isUnclaimed(lease)
}

function isOfAnotherRun({ leaseOwner, session }: Lease, input: AssignmentInput): boolean {
  return leaseOwner === input.workerId && session !== input.session
}

/** The leases of each live owner; one that is given up for a worker is that worker's. */
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
