import type { Clock, Random } from '../clock.ts'
import type { ConsumerEmitter } from '../events.ts'
import { type InitialPosition, resolvePosition } from '../shards/initial-position.ts'
import { planLeases, workableLeases } from '../shards/lease-plan.ts'
import type { StreamReader } from '../stream.ts'
import { decideTakes } from './assignment.ts'
import type { HeldLease } from './held-lease.ts'
import { type Lease, taken } from './lease.ts'
import type { LeaseStore } from './lease-store.ts'
import { LeaseObserver } from './observer.ts'

export interface LeaseScannerSettings {
  store: LeaseStore
  stream: StreamReader
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
  random: Random
  events: ConsumerEmitter
  workerId: string
  /** Of this run of the worker; another run under the same name has another. */
  session: string
  failoverMs: number
  scanIntervalMs: number
  shardSyncIntervalMs: number
  initialPosition: InitialPosition
  held: ReadonlyMap<string, HeldLease>
  /** A lease has been taken: `takenAt` is the monotonic time at which the write was sent. */
  onTaken(lease: Lease, takenAt: number): void
}

/**
 * Looks at the lease table again and again: makes the leases of new shards, notices leases that were taken away, and takes
 * those that are this worker's to take.
 */
export class LeaseScanner {
  readonly #settings: LeaseScannerSettings
  readonly #observer: LeaseObserver
  #listedShardIds = new Set<string>()
  #syncedAt = Number.NEGATIVE_INFINITY
  #lastScanAt: number | undefined
  #wake = new AbortController()

  constructor(settings: LeaseScannerSettings) {
    this.#settings = settings
    this.#observer = new LeaseObserver(settings.failoverMs)
  }

  /** Monotonic time of the last scan that went through; undefined before the first. */
  get lastScanAt(): number | undefined {
    return this.#lastScanAt
  }

  /** Scans until the signal fires. A scan that fails is reported and made again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, events, scanIntervalMs, random } = this.#settings
    while (!signal.aborted) {
      this.#wake = new AbortController()
      try {
        await this.scan(signal)
      } catch (error) {
        events.emit('fault', { operation: 'scan of the lease table', shardId: undefined, error })
      }
      // A little chance keeps workers that started together from reading, and taking, in step.
      await clock.sleep(scanIntervalMs * (0.9 + random() / 5), AbortSignal.any([signal, this.#wake.signal]))
    }
  }

  /** Has the next scan come at once: something changed that cannot wait, such as the end of a shard. */
  wake(): void {
    this.#wake.abort()
  }

  async scan(signal: AbortSignal): Promise<void> {
    const { store, clock, workerId, held, random } = this.#settings
    const startedAt = clock.now()
    let leases = await store.list()
    this.#observer.observe(leases, clock.now())
    this.#noticeLosses(leases)
    if (await this.#syncShards(leases)) leases = await store.list()

    const takes = decideTakes({
      leases: workableLeases(leases, this.#listedShardIds),
      workerId,
      held: new Set(held.keys()),
      // As of the start of the read: a slow read must not make an owner look dead.
      isExpired: lease => this.#observer.isExpired(lease, startedAt),
      random,
    })
    for (const lease of takes) if (!signal.aborted) await this.#take(lease)
    this.#lastScanAt = clock.now()
  }

  async #take(lease: Lease): Promise<void> {
    const { store, clock, workerId, session, events, onTaken } = this.#settings
    const next = taken(lease, workerId, session)
    const takenAt = clock.now()
    // Should the reply be lost, the next scan finds the lease in our name, not held, and takes it again.
    if (!(await store.swap(lease, next))) return
    onTaken(next, takenAt)
    events.emit('leaseAcquired', {
      shardId: lease.leaseKey,
      from: lease.leaseOwner === workerId ? undefined : lease.leaseOwner,
      checkpoint: lease.checkpoint,
    })
  }

  /** The read may be old: only a row that is further on than the one we wrote tells of a loss. */
  #noticeLosses(leases: readonly Lease[]): void {
    const { held, session } = this.#settings
    for (const lease of leases) {
      const mine = held.get(lease.leaseKey)
      if (!mine || lease.session === session || lease.leaseCounter <= mine.row.leaseCounter) continue
      if (lease.leaseOwner !== undefined) mine.lose('taken by another worker')
    }
  }

  /** Makes the leases that are missing. Resolves to whether there were any. */
  async #syncShards(leases: readonly Lease[]): Promise<boolean> {
    const { clock, stream, store, shardSyncIntervalMs, initialPosition, wallClock } = this.#settings
    if (clock.now() - this.#syncedAt < shardSyncIntervalMs) return false
    const shards = await stream.listShards()
    this.#listedShardIds = new Set(shards.map(shard => shard.shardId))
    const missing = planLeases({ shards, leases, initial: resolvePosition(initialPosition, wallClock()) })
    for (const lease of missing) await store.create(lease)
    this.#syncedAt = clock.now()
    return missing.length > 0
  }
}
