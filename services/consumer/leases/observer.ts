import type { Lease } from './lease.ts'

interface Observation {
  owner: string | undefined
  counter: number
  /** Monotonic time at which this counter was first seen. */
  since: number
}

/**
 * Tells which leases are dead, without a wall clock: a lease whose counter this worker has watched rest for longer than
 * the failover time has an owner that is gone. Clocks of two machines are never compared.
 */
export class LeaseObserver {
  readonly #failoverMs: number
  readonly #seen = new Map<string, Observation>()

  constructor(failoverMs: number) {
    this.#failoverMs = failoverMs
  }

  /** Takes in the whole table as it was read at `now`. */
  observe(leases: readonly Lease[], now: number): void {
    const keys = new Set<string>()
    for (const { leaseKey, leaseOwner: owner, leaseCounter: counter } of leases) {
      keys.add(leaseKey)
      const seen = this.#seen.get(leaseKey)
      if (seen?.counter === counter && seen.owner === owner) continue
      this.#seen.set(leaseKey, { owner, counter, since: now })
    }
    for (const key of this.#seen.keys()) if (!keys.has(key)) this.#seen.delete(key)
  }

  isExpired(lease: Lease, now: number): boolean {
    const seen = this.#seen.get(lease.leaseKey)
    return seen !== undefined && seen.counter === lease.leaseCounter && now - seen.since > this.#failoverMs
  }
}
