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

/** How many scans the other workers get to take a lease within their share. */
const LEFT_OVER_SCANS = 2

/** Maximum age of a lease that is left to the others, from the last write of its owner, in failover times. */
const LEFT_OVER_FAILOVERS = 2

/** Maximum time between the starts of two scans, in scan intervals: the interval with its jitter, and the scan itself. */
const MAX_SCAN_GAP = 1.25

/**
 * Measures for how long leases have not changed, by what this worker itself has observed. It uses no wall clock, so the
 * clocks of two machines are never compared.
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

  /** Records the whole table as it was read at `now`. */
  observe(leases: readonly Lease[], now: number): void {
    this.#seen = new Map(leases.map(lease => [lease.leaseKey, next(this.#seen.get(lease.leaseKey), lease, now)]))
  }

  /** Returns true if the counter has not changed for longer than the failover time: the owner is dead. */
  isExpired(lease: Lease, now: number): boolean {
    return this.#unchangedFor(lease, now) > this.#failoverMs
  }

  /**
   * Returns true if the lease has not changed for half the failover time. By then, a live owner would have renewed it,
   * and a worker that wants it would have taken it.
   */
  isUnclaimed(lease: Lease, now: number): boolean {
    return this.#unchangedFor(lease, now) > this.#failoverMs / 2
  }

  /** Returns true if the lease was requested longer than the failover time ago and has not been released. */
  isOverdue(lease: Lease, now: number): boolean {
    const seen = this.#seen.get(lease.leaseKey)
    return seen?.requestedBy !== undefined && now - seen.requestedSince > this.#failoverMs
  }

  /** Records every lease that this worker could have taken at `now` and left to others. */
  observeLeftToOthers(leases: readonly Lease[], now: number): void {
    const since = ({ leaseKey, leaseCounter }: Lease) => {
      const before = this.#left.get(leaseKey)
      return before?.counter === leaseCounter ? before.since : now
    }
    const left = leases.map(lease => [lease.leaseKey, { counter: lease.leaseCounter, since: since(lease) }] as const)
    this.#left = new Map(left)
  }

  /**
   * Returns true if the lease was left to others for longer than they need to scan the table twice, or if its owner is
   * dead and the next scan would come later than two failover times after the owner's last write.
   */
  isLeftOver(lease: Lease, now: number): boolean {
    const left = this.#left.get(lease.leaseKey)
    if (left?.counter === lease.leaseCounter && now - left.since > LEFT_OVER_SCANS * this.#scanIntervalMs) return true
    // The owner may have written the row just after the scan before the one that first saw it.
    const scanGap = MAX_SCAN_GAP * this.#scanIntervalMs
    const ageAtNextScan = this.#unchangedFor(lease, now) + 2 * scanGap
    return this.isExpired(lease, now) && ageAtNextScan > LEFT_OVER_FAILOVERS * this.#failoverMs
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
