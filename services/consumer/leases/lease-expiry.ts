import { isReadByKcl, type Lease } from './lease.ts'

interface Observation {
  readonly owner: string | undefined
  readonly counter: number
  /** Monotonic time at which this counter was first seen. */
  readonly since: number
  /** The worker that reads the shard: the owner, or the previous one while KCL 3 hands the lease over. */
  readonly reader: string | undefined
  /** True if the reader is a worker of KCL, and this worker has not seen it write the lease. */
  readonly isAssigned: boolean
  readonly requestedBy: string | undefined
  /** Monotonic time at which this request was first seen, of an owner that has renewed the lease. */
  readonly requestedSince: number
}

/**
 * How long a worker of KCL 3 may take until it first renews a lease that its leader assigned to it, in failover times. It
 * looks for such leases once in a failover time, and renews its leases three times in a failover time.
 */
const FIRST_RENEWAL_FAILOVERS = 1.5

/** How many scans the other workers get to take a lease within their share. */
const LEFT_OVER_SCANS = 2

/** Within how many failover times from the last write of its owner a lease is taken. */
const MAX_FAILOVERS = 2

/** Maximum time between the starts of two scans, in scan intervals: the interval with its jitter, and the scan itself. */
const MAX_SCAN_GAP = 1.25

/**
 * Measures for how long leases have not changed, by what this worker itself has observed. It uses no wall clock, so the
 * clocks of two machines are never compared.
 */
export class LeaseExpiry {
  readonly #failoverMs: number
  readonly #scanIntervalMs: number
  /** From the last write of an owner until the scan that first sees it, and from one scan to the next. */
  readonly #twoScansMs: number
  readonly #firstRenewalMs: number
  #seen = new Map<string, Observation>()
  #left = new Map<string, { counter: number; since: number }>()

  constructor(failoverMs: number, scanIntervalMs: number) {
    this.#failoverMs = failoverMs
    this.#scanIntervalMs = scanIntervalMs
    this.#twoScansMs = 2 * MAX_SCAN_GAP * scanIntervalMs
    const latest = MAX_FAILOVERS * failoverMs - this.#twoScansMs
    this.#firstRenewalMs = Math.max(failoverMs, Math.min(FIRST_RENEWAL_FAILOVERS * failoverMs, latest))
  }

  /** Records the whole table as it was read at `now`. */
  observe(leases: readonly Lease[], now: number): void {
    this.#seen = new Map(leases.map(lease => [lease.leaseKey, next(this.#seen.get(lease.leaseKey), lease, now)]))
  }

  /**
   * Returns true if the counter has not changed for longer than the failover time: the owner is dead. A worker of KCL 3
   * gets more time for its first renewal, but not more than two failover times.
   */
  isExpired(lease: Lease, now: number): boolean {
    const isAssigned = this.#seen.get(lease.leaseKey)?.isAssigned === true
    return this.#unchangedFor(lease, now) > (isAssigned ? this.#firstRenewalMs : this.#failoverMs)
  }

  /**
   * Returns true if the lease has not changed for half the failover time. By then, a live owner would have renewed it,
   * and a worker that wants it would have taken it.
   */
  isUnclaimed(lease: Lease, now: number): boolean {
    return this.#unchangedFor(lease, now) > this.#failoverMs / 2
  }

  /**
   * Returns true if the lease was requested longer than the failover time ago and has not been released. A worker of KCL
   * 3 first gets the time to find the lease that its leader has assigned to it.
   */
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
    const ageAtNextScan = this.#unchangedFor(lease, now) + this.#twoScansMs
    return this.isExpired(lease, now) && ageAtNextScan > MAX_FAILOVERS * this.#failoverMs
  }

  /**
   * Returns when the first of the leases expires that have not changed for half the failover time. A live owner renews
   * its lease more often. Undefined if all leases were renewed more recently.
   */
  nextExpiry(leases: readonly Lease[], now: number): number | undefined {
    const suspicious = leases.filter(lease => lease.leaseOwner !== undefined && this.isUnclaimed(lease, now))
    if (suspicious.length === 0) return undefined
    return now + this.#failoverMs - Math.max(...suspicious.map(lease => this.#unchangedFor(lease, now))) + 1
  }

  #unchangedFor({ leaseKey, leaseCounter }: Lease, now: number): number {
    const seen = this.#seen.get(leaseKey)
    return seen?.counter === leaseCounter ? now - seen.since : 0
  }
}

function next(seen: Observation | undefined, lease: Lease, now: number): Observation {
  const { leaseOwner: owner, leaseCounter: counter, requestedBy } = lease
  const reader = lease.checkpointOwner ?? owner
  const isUnchanged = seen?.counter === counter && seen.owner === owner
  const isSameRequest = seen !== undefined && seen.requestedBy === requestedBy && !seen.isAssigned
  const hasRenewed = seen?.reader === reader && (seen?.counter !== counter || !seen.isAssigned)
  return {
    owner,
    counter,
    reader,
    requestedBy,
    isAssigned: isReadByKcl(lease) && !hasRenewed,
    since: seen && isUnchanged ? seen.since : now,
    requestedSince: isSameRequest ? seen.requestedSince : now,
  }
}
