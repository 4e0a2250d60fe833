import { anySignal } from '../any-signal.ts'
import type { Clock, Random } from '../clock.ts'
import { DuplicateWorkerError, LeaseTableMissingError } from '../errors.ts'
import { inParallel } from '../in-parallel.ts'
import type { ConsumerEmitter } from '../metrics/emitter.ts'
import type { WorkerPause } from '../pausing/worker-pause.ts'
import { workableLeases } from '../shards/lease-plan.ts'
import type { ShardSync } from '../shards/shard-sync.ts'
import { decide } from './assignment.ts'
import { DuplicateWorkerDetector } from './duplicate-worker.ts'
import type { HeldLease } from './held-lease.ts'
import { isLeftToOthers, type Lease, requestLease, takeLease } from './lease.ts'
import { LeaseExpiry } from './lease-expiry.ts'
import type { LeaseStore } from './lease-store.ts'
import { Notices } from './notices.ts'
import { type NextLook, ScanSchedule } from './scan-schedule.ts'

export interface LeaseScannerSettings {
  store: LeaseStore
  sync: ShardSync
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
  random: Random
  events: ConsumerEmitter
  workerId: string
  /** Identifies this run of the worker. Another run with the same worker id has a different session. */
  session: string
  failoverMs: number
  scanIntervalMs: number
  /** Maximum number of leases that this worker may hold. */
  maxLeases: number
  pause: Pick<WorkerPause, 'repairs'>
  held: ReadonlyMap<string, HeldLease>
  /**
   * Called when a lease was taken. `takenAt` is the monotonic time at which the write was sent. `wasReleased` is true
   * if the previous owner released the lease, or if there was none.
   */
  onTaken(lease: Lease, takenAt: number, wasReleased: boolean): void
  /** Called when another worker requests a lease that this one holds, again at every scan while it does. */
  onRequested(leaseKey: string): void
  /** Called when this worker must stop. No scan follows. */
  onFailed(error: DuplicateWorkerError): void
}

const SCAN_NOW: NextLook = { kind: 'scan', afterMs: 0 }

/** Number of writes to the lease table that are in flight at once. */
const WRITES_AT_ONCE = 16

/** How often shards that nobody reads are reported, in milliseconds. */
const UNREAD_REPORT_MS = 60_000

/**
 * Scans the lease table repeatedly: synchronises it with the shards, notices held leases that were taken or requested,
 * and takes the leases that this worker should have.
 */
export class LeaseScanner {
  readonly #settings: LeaseScannerSettings
  readonly #expiry: LeaseExpiry
  readonly #duplicates: DuplicateWorkerDetector
  readonly #schedule: ScanSchedule
  readonly notices: Notices
  #lastScanAt: number | undefined
  /** The lease of an observer, if this worker does not scan all the time. */
  #watched: Lease | undefined
  /** The pauses in the row that this worker wrote last. If an operator was interrupted, the other rows must be repaired. */
  #pause: string | undefined
  #isTableMissing = false
  #unread: readonly string[] = []
  #unreadReportedAt = Number.NEGATIVE_INFINITY
  #wake = new AbortController()

  constructor(settings: LeaseScannerSettings) {
    this.#settings = settings
    this.#expiry = new LeaseExpiry(settings.failoverMs, settings.scanIntervalMs)
    this.#duplicates = new DuplicateWorkerDetector(settings)
    this.#schedule = new ScanSchedule(settings)
    this.notices = new Notices(settings)
  }

  /** Monotonic time of the last complete scan, or of the last look at an observer; undefined before the first. */
  get lastScanAt(): number | undefined {
    return this.#lastScanAt
  }

  /** Ids of the shards that nobody reads because this worker, and every other one, has its maximum number of leases. */
  get unread(): readonly string[] {
    return this.#unread
  }

  /** Scans until the signal fires, or until this worker must stop. A failed scan is reported and repeated. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, events, scanIntervalMs, onFailed } = this.#settings
    let next: NextLook = { kind: 'scan', afterMs: 0 }
    while (!signal.aborted) {
      this.#wake = new AbortController()
      try {
        if (this.#isTableMissing) await this.#recreateTable(signal)
        next = next.kind === 'watch' ? await this.#watch() : await this.scan(signal)
      } catch (error) {
        if (error instanceof DuplicateWorkerError) return onFailed(error)
        if (error instanceof LeaseTableMissingError) this.#isTableMissing = true
        events.emit('fault', { operation: 'scan of the lease table', shardId: undefined, error })
        this.#schedule.activate(clock.now())
        next = { kind: 'scan', afterMs: scanIntervalMs }
      }
      const { afterMs } = next
      if (this.#wake.signal.aborted) next = SCAN_NOW
      const either = anySignal([signal, this.#wake.signal])
      await clock.sleep(afterMs, either.signal)
      either.release()
      if (this.#wake.signal.aborted) next = SCAN_NOW
    }
  }

  /** Starts the next scan at once, after a change that cannot wait, such as the end of a shard. */
  wake(): void {
    this.#schedule.activate(this.#settings.clock.now())
    this.#wake.abort()
  }

  /** Handles what other workers have written into the row of a held lease. */
  onWritten(lease: Lease): void {
    const { workerId, session, onRequested } = this.#settings
    if (lease.session !== session || lease.leaseOwner !== workerId) return
    if (this.notices.isNew(lease) || lease.pause !== this.#pause) this.wake()
    this.#pause = lease.pause
    if (lease.requestedBy !== undefined && lease.requestedBy !== workerId) onRequested(lease.leaseKey)
  }

  /**
   * Reads a lease of an observer. If the owner has not renewed it since the last look, the observers may be dead: then
   * this worker scans until it knows.
   */
  async #watch(): Promise<NextLook> {
    const { store, clock, failoverMs } = this.#settings
    const before = this.#watched
    const lease = before && (await store.get(before.leaseKey))
    const now = clock.now()
    this.#lastScanAt = now
    this.#watched = lease
    if (lease?.leaseOwner === before?.leaseOwner && lease?.leaseCounter !== before?.leaseCounter) {
      return this.#schedule.afterWatch(now)
    }
    this.#schedule.activate(now, failoverMs)
    return SCAN_NOW
  }

  /** @throws DuplicateWorkerError */
  async scan(signal: AbortSignal): Promise<NextLook> {
    const { store, clock, workerId, session, held, random, sync, maxLeases } = this.#settings
    const startedAt = clock.now()
    let leases = await store.list()
    const tookMs = clock.now() - startedAt
    this.#expiry.observe(leases, clock.now())
    this.#checkHeldLeases(leases)
    await this.#checkDuplicateWorker(leases)
    if (await this.#syncShards(leases)) leases = await store.list()
    const workable = workableLeases(leases, sync.listed, sync.newestStart)

    // Uses the time at which the read started: a slow read must not make an owner look dead.
    const {
      take,
      request,
      isGrowing,
      leftToOthers: left,
      unread,
    } = decide({
      leases: workable,
      workerId,
      session,
      held: new Set(held.keys()),
      maxLeases,
      isExpired: lease => this.#expiry.isExpired(lease, startedAt) || isLeftToOthers(lease),
      isUnclaimed: lease => this.#expiry.isUnclaimed(lease, startedAt),
      isOverdue: lease => this.#expiry.isOverdue(lease, startedAt),
      isLeftOver: lease => this.#expiry.isLeftOver(lease, startedAt),
      random,
    })
    this.#expiry.observeLeftToOthers(left, startedAt)
    await inParallel(take, WRITES_AT_ONCE, async lease => {
      if (!signal.aborted) await this.#take(lease)
    })
    await inParallel(request, WRITES_AT_ONCE, async lease => {
      if (!signal.aborted) await store.swap(lease, requestLease(lease, workerId))
    })
    if (!signal.aborted) await this.notices.sendAbout(left, leases)
    const endedAt = clock.now()
    this.#lastScanAt = endedAt
    this.#reportUnread(unread)
    await this.#repairPauses(leases, signal)
    const next = this.#schedule.afterScan({
      leases: workable,
      rows: leases.length,
      held: held.size,
      awaitsLease: isGrowing || request.length > 0 || leases.some(lease => lease.requestedBy === workerId),
      isBusy: take.length > 0 || left.length > 0 || !sync.isComplete,
      ...{ endedAt, tookMs },
      nextExpiryAt: this.#expiry.nextExpiry(workable, endedAt),
    })
    const [observer] = this.#schedule.observers.filter(owner => owner !== workerId)
    this.#watched = workable.find(lease => lease.leaseOwner === observer)
    return next
  }

  #reportUnread(unread: readonly Lease[]): void {
    const { clock, events, maxLeases } = this.#settings
    this.#unread = unread.map(lease => lease.leaseKey).sort()
    if (this.#unread.length === 0) this.#unreadReportedAt = Number.NEGATIVE_INFINITY
    else if (clock.now() - this.#unreadReportedAt >= UNREAD_REPORT_MS) {
      this.#unreadReportedAt = clock.now()
      events.emit('shardsUnread', { shardIds: this.#unread, maxLeases })
    }
  }

  /** Brings rows up to date that an interrupted pause or a KCL worker left without the pauses of the application. */
  async #repairPauses(leases: readonly Lease[], signal: AbortSignal): Promise<void> {
    const { pause, store } = this.#settings
    for (const { lease, next } of pause.repairs(leases)) if (!signal.aborted) await store.swap(lease, next)
  }

  /**
   * Creates the table again after somebody deleted it. The owners write their rows again, each with the progress of its
   * shard.
   */
  async #recreateTable(signal: AbortSignal): Promise<void> {
    await this.#settings.store.ensureTable(signal)
    this.#isTableMissing = false
  }

  /** If two duplicates hold leases, both reach the same decision: the one with the lower session continues. */
  async #checkDuplicateWorker(leases: readonly Lease[]): Promise<void> {
    const { held, workerId, session } = this.#settings
    const theirs = await this.#duplicates.find(leases.filter(lease => !held.has(lease.leaseKey)))
    if (!theirs || (held.size > 0 && theirs.session !== undefined && session < theirs.session)) return
    throw new DuplicateWorkerError(
      `Another process runs with the worker id '${workerId}': it renews the lease of '${theirs.leaseKey}'. Give each process its own worker id.`,
    )
  }

  /**
   * After the first synchronisation, a failing ListShards must not keep this worker from taking the leases of a dead
   * one.
   */
  async #syncShards(leases: readonly Lease[]): Promise<boolean> {
    const { sync, events } = this.#settings
    try {
      return await sync.runIfDue(leases)
    } catch (error) {
      if (!sync.hasRun) throw error
      events.emit('fault', { operation: 'ListShards', shardId: undefined, error })
      return false
    }
  }

  async #take(lease: Lease): Promise<void> {
    const { store, clock, workerId, session, events, onTaken } = this.#settings
    const next = takeLease(lease, workerId, session)
    const takenAt = clock.now()
    // If the reply is lost, the next scan finds the lease in this worker's name but not held, and takes it again.
    if (!(await store.swap(lease, next))) return
    onTaken(next, takenAt, lease.leaseOwner === undefined)
    events.emit('leaseAcquired', {
      shardId: lease.leaseKey,
      from: lease.leaseOwner === workerId ? undefined : lease.leaseOwner,
      checkpoint: lease.checkpoint,
    })
  }

  /**
   * Checks the held leases for losses and requests. The read may be stale, so only a row with a higher counter than
   * this worker wrote shows a loss.
   */
  #checkHeldLeases(leases: readonly Lease[]): void {
    const { held, session, workerId, onRequested } = this.#settings
    for (const lease of leases) {
      const mine = held.get(lease.leaseKey)
      if (!mine) continue
      // Compares both, because KCL changes the owner of a lease and leaves the session.
      if (lease.session === session && lease.leaseOwner === workerId) {
        if (lease.requestedBy !== undefined && lease.requestedBy !== workerId) onRequested(lease.leaseKey)
      } else if (lease.leaseCounter > mine.row.leaseCounter && lease.leaseOwner !== undefined) {
        mine.lose('taken by another worker')
      }
    }
  }
}
