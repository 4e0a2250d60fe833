import { type Random, shuffled } from '../clock.ts'
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
  /** Leases to request from their live owners. */
  request: Lease[]
  /** True if this worker takes or requests fewer leases now than it will once it knows the other workers. */
  isGrowing: boolean
  /** Available leases that this worker leaves to others. */
  leftToOthers: Lease[]
  /** Leases that this worker would take if it did not have its maximum number. Nobody else has taken them either. */
  unread: Lease[]
}

/** Number of leases that a worker without leases takes at once. */
const FIRST_TAKES = 4

/**
 * Decides what this worker should do now. It first takes leases that have no owner or a dead owner, up to its fair
 * share. It takes more than its share only of leases that it left to other workers and that nobody took: the others may
 * not know yet that the owner is dead, or may hang. If no lease is available, it requests leases from the workers that
 * have the most, but only while their numbers differ by more than one. A requested lease counts for the worker that
 * requests it. So a fleet becomes stable, and in a stable fleet no lease moves. It takes a requested lease when the owner
 * does not release it in time, because the owner may be a KCL worker, which ignores requests.
 *
 * Workers that start at the same time see each other only once each has its name in the table. So a worker takes and
 * requests at most as many leases at once as it has, and a few if it has none. It requests at most half of what it lacks,
 * because the others decide at the same time and may choose the same owners.
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
    request: wanted.request.slice(0, Math.max(0, capacity - take.length - wanted.pending)),
    isGrowing: wanted.isGrowing && take.length + wanted.pending < capacity,
    // Another worker gets as long to take a refused lease as one beyond the share.
    leftToOthers: [...wanted.leftToOthers, ...refused],
    unread: refused.filter(isLeftOver),
  }
}

interface Wanted extends Omit<Assignment, 'unread'> {
  /** Number of leases that this worker has requested and their owners still have. */
  pending: number
}

function decideWithoutMaximum(input: AssignmentInput): Wanted {
  const { leases, workerId, held, random, isOverdue, isLeftOver } = input
  const others = leases.filter(lease => !held.has(lease.leaseKey))
  const mayHaveDuplicate = others.some(lease => isOfAnotherRun(lease, input))
  const { available = [], owned = [] } = Object.groupBy(others, lease =>
    isAvailable(lease, input) ? 'available' : 'owned',
  )
  const isReservedForUs = ({ leaseOwner, requestedBy }: Lease) => leaseOwner === workerId || requestedBy === workerId
  const reserved = available.filter(lease =>
    mayHaveDuplicate ? lease.leaseOwner === workerId : isReservedForUs(lease),
  )
  if (mayHaveDuplicate) return { take: reserved, request: [], pending: 0, isGrowing: false, leftToOthers: [] }

  const byHolder = groupByHolder(owned, input)
  const requestedByUs = byHolder.get(workerId) ?? []
  byHolder.delete(workerId)
  const pending = requestedByUs.filter(lease => !isOverdue(lease)).length
  const mine = leases.length - others.length + reserved.length + requestedByUs.length
  const atOnce = Math.max(FIRST_TAKES, mine)
  const share = Math.ceil(leases.length / (byHolder.size + 1))
  const free = available.filter(lease => !isReservedForUs(lease))
  const [within, beyond] = split(shuffled(free, random), Math.max(0, share - mine))
  const [leftOver, leftToOthers] = partition(beyond, isLeftOver)
  const [now, later] = split([...within, ...leftOver], atOnce)
  const take = [...reserved, ...now, ...requestedByUs.filter(isOverdue)]
  if (available.length > 0) return { take, request: [], pending, isGrowing: later.length > 0, leftToOthers }

  const wanted = chooseRequests(byHolder, lackOf(byHolder, mine, input), input)
  const request = wanted.slice(0, Math.min(Math.ceil(wanted.length / 2), Math.max(1, mine)))
  return { take, request, pending, isGrowing: wanted.length > 0, leftToOthers }
}

/**
 * Returns how many leases this worker lacks: those up to the rounded-down share. A worker that has as many requests one
 * more with a probability: some workers have more than the rounded-up share, and those with the fewest request as many as
 * these have too many, on average. Leases that workers below the share will request are not counted as too many.
 */
function lackOf(byHolder: ReadonlyMap<string, readonly Lease[]>, mine: number, input: AssignmentInput): number {
  const { leases, random } = input
  const share = leases.length / (byHolder.size + 1)
  const [least, most] = [Math.floor(share), Math.ceil(share)]
  if (mine !== least) return Math.max(0, least - mine)
  const counts = [mine, ...[...byHolder.values()].map(({ length }) => length)]
  const tooMany = counts.reduce((sum, count) => sum + Math.max(0, count - most), 0)
  const lacking = counts.reduce((sum, count) => sum + Math.max(0, least - count), 0)
  const fewest = counts.filter(count => count <= least).length
  return random() * fewest < tooMany - lacking ? 1 : 0
}

/**
 * Returns the leases to request, each from one of the workers that then have the most. Equal workers are chosen by chance,
 * so that workers that decide at the same time do not ask the same one.
 */
function chooseRequests(
  byHolder: ReadonlyMap<string, readonly Lease[]>,
  lack: number,
  { random, isOverdue }: AssignmentInput,
): Lease[] {
  const holders = [...byHolder.values()].map(leases => ({
    count: leases.length,
    // A lease that KCL 3 is handing over counts for its owner but cannot be requested. Neither can a lease that another
    // worker has requested.
    requestable: shuffled(
      leases.filter(
        lease => lease.checkpointOwner === undefined && (lease.requestedBy === undefined || isOverdue(lease)),
      ),
      random,
    ),
  }))
  const chosen: Lease[] = []
  while (chosen.length < lack) {
    const most = Math.max(...holders.map(({ count }) => count))
    const largest = holders.filter(({ count, requestable }) => count === most && requestable.length > 0)
    const holder = largest[Math.floor(random() * largest.length)]
    const lease = holder?.requestable.pop()
    if (!holder || !lease) return chosen
    holder.count--
    chosen.push(lease)
  }
  return chosen
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

/**
 * Groups the leases by the live worker that has them or will have them. A lease that a worker has requested counts for
 * that worker, unless the request is overdue: then the owner ignores it, or the worker that made it is gone.
 */
function groupByHolder(leases: readonly Lease[], { workerId, isOverdue }: AssignmentInput): Map<string, Lease[]> {
  const byHolder = new Map<string, Lease[]>()
  for (const lease of leases) {
    const { leaseOwner, requestedBy } = lease
    const isIgnored = leaseOwner !== undefined && requestedBy !== workerId && isOverdue(lease)
    const holder = isIgnored ? leaseOwner : (requestedBy ?? leaseOwner)
    if (holder === undefined) continue
    const group = byHolder.get(holder)
    if (group) group.push(lease)
    else byHolder.set(holder, [lease])
  }
  return byHolder
}

function partition<T>(items: readonly T[], matches: (item: T) => boolean): [T[], T[]] {
  return [items.filter(matches), items.filter(item => !matches(item))]
}

function split<T>(items: readonly T[], at: number): [T[], T[]] {
  return [items.slice(0, at), items.slice(at)]
}
