import type { Random } from '../clock.ts'
import { isReadByKcl, type Lease } from './lease.ts'

export interface ScanScheduleSettings {
  workerId: string
  failoverMs: number
  scanIntervalMs: number
  /** Epoch milliseconds. Spreads the scans of the observers. A wrong clock makes nothing wrong, only slower. */
  wallClock: () => number
  random: Random
}

export interface ScanResult {
  /** The leases that can be processed. */
  leases: readonly Lease[]
  /** Number of rows that the scan has read. Those of ended shards cost as much as the others. */
  rows: number
  /** Number of leases that this worker holds. */
  held: number
  /** True if this worker waits for leases that are about to be its own. */
  awaitsLease: boolean
  /** True if there was anything to do, or if there will be. */
  isBusy: boolean
  /** Monotonic time at which the scan ended, and how long it took. */
  endedAt: number
  tookMs: number
  /** Monotonic time at which a lease expires unless it is renewed before; undefined if all were renewed recently. */
  nextExpiryAt: number | undefined
}

/** What a worker does next, and after how many milliseconds: scan the table, or read one row of an observer. */
export interface NextLook {
  kind: 'scan' | 'watch'
  afterMs: number
}

/**
 * How many times more often a worker scans while it waits for leases. Nobody reads the shard between its two owners.
 */
const SCANS_WHILE_WAITING = 4

/** DynamoDB reads this many rows for about one request unit. A scan of so few rows costs little. */
export const CHEAP_ROWS = 16

/** Number of scans without any change after which a worker of a large table scans less often. */
const CALM_SCANS = 3

/** How many observers each fleet has at least, if it has as many workers, and which part of a fleet observes. */
const MIN_OBSERVERS = 5
const WORKERS_PER_OBSERVER = 3
/** Up to this number, all workers observe. */
const MAX_ALL_OBSERVE = 9

/** Intervals of the other workers, in failover times. */
const WATCH_FAILOVERS = 1.5
const RESERVE_FAILOVERS = 60

/**
 * Decides when a worker looks at the lease table next.
 *
 * Every worker scans at the scan interval while anything changes, and always if the table is small. If nothing changes
 * in a large table, only some workers scan it: the observers. They are the owners of the first leases by key, so all
 * workers agree who they are. Each observer scans once per failover time, and their scans are spread over that time. So
 * the death of a worker is noticed as early as by five scans per failover time, at a cost that does not grow with the
 * number of workers. The other workers see in the rows of their own renewals what concerns them: a request for a lease,
 * or a notice that there are leases to take. They read one row of an observer from time to time, and scan if it is dead.
 */
export class ScanSchedule {
  readonly #settings: ScanScheduleSettings
  #calmScans = 0
  #activeUntil = Number.NEGATIVE_INFINITY
  #owners = ''
  #scannedAt = Number.NEGATIVE_INFINITY
  #observers: readonly string[] = []

  constructor(settings: ScanScheduleSettings) {
    this.#settings = settings
  }

  /** The observers at the last scan. */
  get observers(): readonly string[] {
    return this.#observers
  }

  /** Makes this worker scan at the scan interval for some time. */
  activate(now: number, forMs = 0): void {
    this.#calmScans = 0
    this.#activeUntil = Math.max(this.#activeUntil, now + forMs)
  }

  /** Returns the first look after a scan. */
  afterScan(result: ScanResult): NextLook {
    const { scanIntervalMs } = this.#settings
    const { leases, rows, held, awaitsLease, isBusy, endedAt, nextExpiryAt } = result
    const owners = leases.map(({ leaseKey, leaseOwner }) => `${leaseKey}:${leaseOwner}`).join()
    const isCalm = !isBusy && !awaitsLease && owners === this.#owners
    this.#owners = owners
    this.#scannedAt = endedAt
    this.#calmScans = isCalm ? this.#calmScans + 1 : 0
    this.#observers = observersOf(leases)
    if (awaitsLease) return this.#scanAfter(scanIntervalMs / SCANS_WHILE_WAITING)
    const isActive = this.#calmScans < CALM_SCANS || endedAt < this.#activeUntil
    if (isActive || rows <= CHEAP_ROWS || held === 0) return this.#scanAfter(scanIntervalMs)
    const next = this.#whenQuiet(result)
    if (nextExpiryAt === undefined || nextExpiryAt >= endedAt + next.afterMs) return next
    // A worker of KCL may take longer to renew a new lease. Until then, its lease is past the time.
    return { kind: 'scan', afterMs: nextExpiryAt > endedAt ? nextExpiryAt - endedAt : scanIntervalMs }
  }

  /** Returns the look after an observer was watched and is alive. */
  afterWatch(now: number): NextLook {
    const { failoverMs } = this.#settings
    const scanAfterMs = this.#scannedAt + RESERVE_FAILOVERS * failoverMs - now
    const watch = this.#jittered(WATCH_FAILOVERS * failoverMs)
    return scanAfterMs <= watch
      ? { kind: 'scan', afterMs: Math.max(1, scanAfterMs) }
      : { kind: 'watch', afterMs: watch }
  }

  #whenQuiet({ leases, tookMs, endedAt }: ScanResult): NextLook {
    const { workerId, failoverMs, scanIntervalMs } = this.#settings
    const isAlone = leases.every(({ leaseOwner }) => leaseOwner === workerId)
    if (isAlone) return this.#scanAfter(2 * failoverMs)
    const index = this.#observers.indexOf(workerId)
    if (index === -1) return this.afterWatch(endedAt)
    const count = this.#observers.length
    // The second of two scans must find that a lease has expired since the first one.
    const wholeMs = failoverMs + failoverMs / 100 + tookMs
    const periodMs = Math.max(scanIntervalMs, (wholeMs * Math.min(count, MIN_OBSERVERS)) / MIN_OBSERVERS)
    return { kind: 'scan', afterMs: this.#untilTurn(index / count, periodMs) }
  }

  /** Returns the time until the turn of an observer, at least half a period from now. */
  #untilTurn(phase: number, periodMs: number): number {
    const since = (this.#settings.wallClock() - phase * periodMs) % periodMs
    const wait = periodMs - since
    return wait < periodMs / 2 ? wait + periodMs : wait
  }

  #scanAfter(ms: number): NextLook {
    return { kind: 'scan', afterMs: this.#jittered(ms) }
  }

  /** Jitter keeps workers that started together from reading and taking leases at the same time. */
  #jittered(ms: number): number {
    return ms * (0.9 + this.#settings.random() / 5)
  }
}

/** Returns the workers that scan a quiet table. KCL workers do not count. */
function observersOf(leases: readonly Lease[]): string[] {
  const sorted = [...leases].sort((a, b) => (a.leaseKey < b.leaseKey ? -1 : 1))
  const owners = new Set(
    sorted.flatMap(lease => (lease.leaseOwner === undefined || isReadByKcl(lease) ? [] : [lease.leaseOwner])),
  )
  const count =
    owners.size <= MAX_ALL_OBSERVE
      ? owners.size
      : Math.max(MIN_OBSERVERS, Math.ceil(owners.size / WORKERS_PER_OBSERVER))
  return [...owners].slice(0, count)
}
