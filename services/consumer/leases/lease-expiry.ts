import type { Lease } from './lease.ts'

interface Observation {
  readonly owner: string | undefined
  readonly counter: number
  /** Monotonic time at which this counter was first seen. */
  readonly since: number
  readonly requestedBy: string | undefined
  /** Monotonic time at which this request was first seen. */
  readonly requestedSince: number
}

/** How many times the others get to look at a lease that falls into their share. */
const LEFT_OVER_SCANS = 2

/**
 * Tells how long leases have been as they are, without a wall clock: by what this worker has watched itself. Clocks of two
 * machines are never compared.
 */
export class LeaseExpiry {
  readonly #failoverMs: number
  readonly #scanIntervalMs: number
  #seen = new Map<string, Observation>()
  #left = new Map<string, { counter: number; since: number }>()

  constructor(failoverMs: number, scanIntervalMs: number) {
    this.#failoverMs = failoverMs
    this.#scanIntervalMs = scanIntervalMs
  }

  /** Takes in the whole table as it was read at `now`. */
  observe(leases: readonly Lease[], now: number): void {
    this.#seen = new Map(leases.map(lease => [lease.leaseKey, next(this.#seen.get(lease.leaseKey), lease, now)]))
  }

  /** A lease whose counter has rested for longer than the failover time has an owner that is gone. */
  isExpired(lease: Lease, now: number): boolean {
    return this.#unchangedFor(lease, now) > this.#failoverMs
  }

  /** A lease that nobody has touched for half the failover time: who comes for it would have come, who holds it renewed it. */
  isUnclaimed(lease: Lease, now: number): boolean {
    return this.#unchangedFor(lease, now) > this.#failoverMs / 2
  }

  /** A lease that has been asked for in vain for longer than the failover time. */
  isOverdue(lease: Lease, now: number): boolean {
    const seen = this.#seen.get(lease.leaseKey)
    return seen?.requestedBy !== undefined && now - seen.requestedSince > this.#failoverMs
  }

  /** Takes in every lease that this worker could have taken at `now` and left to others. */
  observeLeftToOthers(leases: readonly Lease[], now: number): void {
    const since = ({ leaseKey, leaseCounter }: Lease) => {
      const before = this.#left.get(leaseKey)
      return before?.counter === leaseCounter ? before.since : now
    }
    const left = leases.map(lease => [lease.leaseKey, { counter: lease.leaseCounter, since: since(lease) }] as const)
    this.#left = new Map(left)
  }

  /** A lease that was left to others for longer than they take to look at the table twice. */
  isLeftOver({ leaseKey, leaseCounter }: Lease, now: number): boolean {
    const left = this.#left.get(leaseKey)
    return left?.counter === leaseCounter && now - left.since > LEFT_OVER_SCANS * this.#scanIntervalMs
  }

  #unchangedFor({ leaseKey, leaseCounter }: Lease, now: number): number {
    const seen = this.#seen.get(leaseKey)
    return seen?.counter === leaseCounter ? now - seen.since : 0
  }
}

function next(seen: Observation | undefined, lease: Lease, now: number): Observation {
  const { leaseOwner: owner, leaseCounter: counter, requestedBy } = lease
  const isUnchanged = seen?.counter === counter && seen.owner === owner
  const isSameRequest = seen?.requestedBy === requestedBy
  return {
    owner,
    counter,
    requestedBy,
    since: seen && isUnchanged ? seen.since : now,
    requestedSince: seen && isSameRequest ? seen.requestedSince : now,
  }
}
