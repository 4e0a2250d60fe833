import { anySignal } from '../any-signal.ts'
import type { Clock, Random } from '../clock.ts'
import { DuplicateWorkerError, LeaseTableMissingError } from '../errors.ts'
import type { ConsumerEmitter } from '../metrics/emitter.ts'
import { workableLeases } from '../shards/lease-plan.ts'
import type { ShardSync } from '../shards/shard-sync.ts'
import { decide } from './assignment.ts'
import { DuplicateWorkerDetector } from './duplicate-worker.ts'
import type { HeldLease } from './held-lease.ts'
import { type Lease, requestLease, takeLease } from './lease.ts'
import { LeaseExpiry } from './lease-expiry.ts'
import type { LeaseStore } from './lease-store.ts'

export interface LeaseScannerSettings {
  store: LeaseStore
  sync: ShardSync
  clock: Clock
  random: Random
  events: ConsumerEmitter
  workerId: string
  /** Of this run of the worker; another run under the same name has another. */
  session: string
  failoverMs: number
  scanIntervalMs: number
  held: ReadonlyMap<string, HeldLease>
  /**
   * A lease has been taken: `takenAt` is the monotonic time at which the write was sent, and `isGivenUp` whether its owner before,
   * if it had one, had given it up.
   */
  onTaken(lease: Lease, takenAt: number, wasReleased: boolean): void
  /** Another worker asks for a lease that this one holds. Told again at every scan for as long as it does. */
  onRequested(leaseKey: string): void
  /** This worker has to stop: there are no more scans. */
  onFailed(error: DuplicateWorkerError): void
}

/** Whoever waits for a lease that was asked for looks more often: nobody reads the shard between the two owners. */
const SCANS_WHILE_WAITING = 4

/**
 * Looks at the lease table again and again: keeps it in step with the shards, notices leases that were taken away or are asked
 * for, and takes those that are this worker's to take.
 */
export class LeaseScanner {
  readonly #settings: LeaseScannerSettings
  readonly #expiry: LeaseExpiry
  readonly #duplicates: DuplicateWorkerDetector
  #lastScanAt: number | undefined
  #awaitsLease = false
  #isTableMissing = false
  #wake = new AbortController()

  constructor(settings: LeaseScannerSettings) {
    this.#settings = settings
    this.#expiry = new LeaseExpiry(settings.failoverMs, settings.scanIntervalMs)
    this.#duplicates = new DuplicateWorkerDetector(settings)
  }

  /** Monotonic time of the last scan that went through; undefined before the first. */
  get lastScanAt(): number | undefined {
    return this.#lastScanAt
  }

  /** Scans until the signal fires, or the worker has to stop. A scan that fails is reported and made again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, events, scanIntervalMs, random, onFailed } = this.#settings
    while (!signal.aborted) {
      this.#wake = new AbortController()
      try {
        if (this.#isTableMissing) await this.#recreateTable(signal)
        await this.scan(signal)
      } catch (error) {
        if (error instanceof DuplicateWorkerError) return onFailed(error)
        if (error instanceof LeaseTableMissingError) this.#isTableMissing = true
        events.emit('fault', { operation: 'scan of the lease table', shardId: undefined, error })
      }
      const wait = scanIntervalMs / (this.#awaitsLease ? SCANS_WHILE_WAITING : 1)
      // A little chance keeps workers that started together from reading, and taking, in step.
      const either = anySignal([signal, this.#wake.signal])
      await clock.sleep(wait * (0.9 + random() / 5), either.signal)
      either.release()
    }
  }

  /** Has the next scan come at once: something changed that cannot wait, such as the end of a shard. */
  wake(): void {
    this.#wake.abort()
  }

  /** @throws DuplicateWorkerError */
  async scan(signal: AbortSignal): Promise<void> {
    const { store, clock, workerId, session, held, random, sync } = this.#settings
    const startedAt = clock.now()
    let leases = await store.list()
    this.#expiry.observe(leases, clock.now())
    this.#checkHeldLeases(leases)
    await this.#checkDuplicateWorker(leases)
    if (await this.#syncShards()) leases = await store.list()

    // As of the start of the read: a slow read must not make an owner look dead.
    const {
      take,
      request,
      leftToOthers: left,
    } = decide({
      leases: workableLeases(leases, sync.listed),
      workerId,
      session,
      held: new Set(held.keys()),
      isExpired: lease => this.#expiry.isExpired(lease, startedAt),
      isUnclaimed: lease => this.#expiry.isUnclaimed(lease, startedAt),
      isOverdue: lease => this.#expiry.isOverdue(lease, startedAt),
      isLeftOver: lease => this.#expiry.isLeftOver(lease, startedAt),
      random,
    })
    this.#expiry.observeLeftToOthers(left, startedAt)
    for (const lease of take) if (!signal.aborted) await this.#take(lease)
    if (request && !signal.aborted) await store.swap(request, requestLease(request, workerId))
    this.#awaitsLease = request !== undefined || leases.some(lease => lease.requestedBy === workerId)
    this.#lastScanAt = clock.now()
  }

  /** Somebody has deleted it while workers run. The owners put their rows back, each with how far its shard is done. */
  async #recreateTable(signal: AbortSignal): Promise<void> {
    await this.#settings.store.ensureTable(signal)
    this.#isTableMissing = false
  }

  /** Of two that hold leases one goes on, and both find the same: the one whose session is the lesser. */
  async #checkDuplicateWorker(leases: readonly Lease[]): Promise<void> {
    const { held, workerId, session } = this.#settings
    const theirs = await this.#duplicates.find(leases.filter(lease => !held.has(lease.leaseKey)))
    if (!theirs || (held.size > 0 && theirs.session !== undefined && session < theirs.session)) return
    throw new DuplicateWorkerError(
      `Another process runs under the worker id '${workerId}': it renews the lease of '${theirs.leaseKey}'. Give each an id of its own.`,
    )
  }

  /** Once the shards are known, a stream that cannot be asked for them is no reason to leave a dead worker's leases. */
  async #syncShards(): Promise<boolean> {
    const { sync, events } = this.#settings
    try {
      return await sync.runIfDue()
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
    // Should the reply be lost, the next scan finds the lease in our name, not held, and takes it again.
    if (!(await store.swap(lease, next))) return
    onTaken(next, takenAt, lease.leaseOwner === undefined)
    events.emit('leaseAcquired', {
      shardId: lease.leaseKey,
      from: lease.leaseOwner === workerId ? undefined : lease.leaseOwner,
      checkpoint: lease.checkpoint,
    })
  }

  /** The read may be old: only a row that is further on than the one we wrote tells of a loss. */
  #checkHeldLeases(leases: readonly Lease[]): void {
    const { held, session, workerId, onRequested } = this.#settings
    for (const lease of leases) {
      const mine = held.get(lease.leaseKey)
      if (!mine) continue
      // By both: KCL takes a lease by its owner, and leaves our session where it is.
      if (lease.session === session && lease.leaseOwner === workerId) {
        if (lease.requestedBy !== undefined && lease.requestedBy !== workerId) onRequested(lease.leaseKey)
      } else if (lease.leaseCounter > mine.row.leaseCounter && lease.leaseOwner !== undefined) {
        mine.lose('taken by another worker')
      }
    }
  }
}
