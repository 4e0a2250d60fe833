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

/**
 * Tells how long leases have been as they are, without a wall clock: by what this worker has watched itself. Clocks of two
 * machines are never compared.
 */
export class LeaseObserver {
  readonly #failoverMs: number
  #seen = new Map<string, Observation>()

  constructor(failoverMs: number) {
    this.#failoverMs = failoverMs
  }

  /** Takes in the whole table as it was read at `now`. */
  observe(leases: readonly Lease[], now: number): void {
    this.#seen = new Map(leases.map(lease => [lease.leaseKey, next(this.#seen.get(lease.leaseKey), lease, now)]))
  }

  /** A lease whose counter has rested for longer than the failover time has an owner that is gone. */
  isExpired(lease: Lease, now: number): boolean {
    return this.#restedFor(lease, now) > this.#failoverMs
  }

  /** A lease that nobody has touched for half the failover time: who comes for it would have come, who holds it renewed it. */
  isUnclaimed(lease: Lease, now: number): boolean {
    return this.#restedFor(lease, now) > this.#failoverMs / 2
  }

  /** A lease that has been asked for in vain for longer than the failover time. */
  isOverdue(lease: Lease, now: number): boolean {
    const seen = this.#seen.get(lease.leaseKey)
    return seen?.requestedBy !== undefined && now - seen.requestedSince > this.#failoverMs
  }

  #restedFor({ leaseKey, leaseCounter }: Lease, now: number): number {
    const seen = this.#seen.get(leaseKey)
    return seen?.counter === leaseCounter ? now - seen.since : 0
  }
}

function next(seen: Observation | undefined, lease: Lease, now: number): Observation {
  const { leaseOwner: owner, leaseCounter: counter, requestedBy } = lease
  const rests = seen?.counter === counter && seen.owner === owner
  const waits = seen?.requestedBy === requestedBy
  return {
    ...{ owner, counter, requestedBy },
    since: seen && rests ? seen.since : now,
    requestedSince: seen && waits ? seen.requestedSince : now,
  }
}
