import type { Clock, Random } from './clock.ts'
import { LeaseLostError } from './errors.ts'
import type { ByteBudget } from './fetching/byte-budget.ts'
import type { RecordQueue } from './iteration/record-queue.ts'
import { HeldLease } from './leases/held-lease.ts'
import type { Lease } from './leases/lease.ts'
import { keepLease } from './leases/lease-keeper.ts'
import type { Counters } from './metrics/counters.ts'
import type { ConsumerEmitter } from './metrics/emitter.ts'
import type { MeteredLeaseStore } from './metrics/metered-store.ts'
import type { ShardStatus } from './metrics/metrics.ts'
import { ThrottlingReport } from './metrics/throttling-report.ts'
import type { ResolvedOptions } from './options.ts'
import type { PauseGate } from './pausing/pause-gate.ts'
import type { CircuitBreaker } from './processing/breaker.ts'
import type { YieldLimit } from './processing/yield-limit.ts'
import { ShardConsumer } from './shard-consumer.ts'
import { createChildLeases } from './shards/child-leases.ts'
import type { StreamReader } from './stream.ts'

interface HeldShard {
  lease: HeldLease
  consumer: ShardConsumer
  /** Monotonic milliseconds. */
  takenAt: number
  /** Resolves when the shard has stopped, except for handlers that ignore their signal. Never rejects. */
  finished: Promise<void>
  /** Set once the release of the lease has begun. Never rejects. */
  released?: Promise<void>
}

export interface HeldShardsSettings {
  store: MeteredLeaseStore
  stream: StreamReader
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
  random: Random
  options: ResolvedOptions
  events: ConsumerEmitter
  pause: PauseGate
  breaker: CircuitBreaker
  counters: Counters
  budget: ByteBudget
  yields: YieldLimit
  queue: RecordQueue
  /** Called with the row of a held lease after each write of it. */
  onWritten(row: Lease): void
  /** Called when this worker has released a lease. */
  onReleased(): void
  /** Called when this worker no longer holds a shard. */
  onGone(): void
}

/** The shards whose leases this worker holds: starts reading a shard, renews its lease, and releases it. */
export class HeldShards {
  /** The leases by their key. */
  readonly leases = new Map<string, HeldLease>()
  readonly #settings: HeldShardsSettings
  readonly #shards = new Map<string, HeldShard>()
  readonly #throttling: ThrottlingReport
  /** True if the process ends because of an error that a record may have caused. */
  #isCrash = false

  constructor(settings: HeldShardsSettings) {
    this.#settings = settings
    this.#throttling = new ThrottlingReport(settings)
  }

  /** Starts to read a shard whose lease was taken. The parameters are those of `LeaseScannerSettings.onTaken`. */
  start(row: Lease, takenAt: number, wasReleased: boolean): void {
    const { store, clock, random, options, events, budget, onWritten } = this.#settings
    const { failoverMs } = options
    const { leaseKey: shardId } = row
    const lease = new HeldLease({ lease: row, takenAt, store, clock, failoverMs, onWritten })
    const consumer = new ShardConsumer({
      ...this.#settings,
      lease,
      wasReleased,
      budget: budget.open(),
      throttling: this.#throttling,
      createChildLeases: children => createChildLeases(row, children, store),
    })
    const onFault = (error: unknown) => events.emit('fault', { operation: 'renewal of the lease', shardId, error })
    const progress = () => {
      consumer.stalledMs(clock.now()) // Observed with every renewal, so that a later question finds out since when.
      return consumer.progress
    }
    const keeping = keepLease({ lease, progress, clock, random, failoverMs, onFault })
    const finished = Promise.all([this.#run(lease, consumer), keeping, lease.guard()]).then(() => undefined)
    this.leases.set(shardId, lease)
    this.#shards.set(shardId, { lease, consumer, takenAt, finished })
    lease.signal.addEventListener('abort', () => this.#forget(lease), { once: true })
  }

  /**
   * Releases a shard that another worker requests. Running handlers may finish first, so that no record is handled
   * twice.
   */
  handOver(shardId: string): void {
    const shard = this.#shards.get(shardId)
    // The other worker waits no longer than the failover time.
    if (shard) void this.#release(shard, true)
  }

  /** Drains and releases all shards, see `StopOptions.isCrash`. Resolves when everything is done. */
  async release(isCrash: boolean): Promise<void> {
    this.#isCrash = isCrash
    // The handler of a record that crashed its process may never end. The other records must not wait for it.
    await Promise.all([...this.#shards.values()].map(shard => this.#release(shard, isCrash)))
  }

  /** Returns the status of each shard. */
  snapshot(): ShardStatus[] {
    const { store, clock, pause } = this.#settings
    const { isPaused } = pause
    const now = clock.now()
    return [...this.#shards.values()].map(({ lease, consumer, takenAt }) => ({
      shardId: lease.leaseKey,
      checkpoint: lease.row.checkpoint.sequenceNumber,
      pending: consumer.pending,
      millisBehindLatest: consumer.pace.behindAt(now, isPaused),
      fetchAgeMs: consumer.pace.observedAt === undefined ? undefined : now - consumer.pace.observedAt,
      stalledMs: consumer.stalledMs(now),
      fencingToken: consumer.fencingToken,
      checkpointAgeMs: now - Math.max(takenAt, store.checkpointedAt(lease.leaseKey) ?? takenAt),
      bufferedBytes: consumer.bufferedBytes,
      recordsPerSecond: isPaused ? undefined : consumer.pace.recordsPerSecond,
      timeToDrainMs: isPaused ? undefined : consumer.pace.timeToDrainMs(consumer.pending),
    }))
  }

  /** Forgets how fast the shards are read, because a pause makes the rates useless. */
  restartPaces(): void {
    for (const { consumer } of this.#shards.values()) consumer.restartPace()
  }

  async #run(lease: HeldLease, consumer: ShardConsumer): Promise<void> {
    try {
      await consumer.run()
    } catch (error) {
      // This error is not handled where it occurs. Release the shard, so that this or another worker starts it again.
      this.#settings.events.emit('fault', { operation: 'reading of the shard', shardId: lease.leaseKey, error })
      await this.#releaseLease(lease, consumer)
    }
  }

  #release(shard: HeldShard, isHurried: boolean): Promise<void> {
    const { drainTimeoutMs, failoverMs } = this.#settings.options
    const { lease, consumer, finished } = shard
    shard.released ??= consumer
      .drain(isHurried ? Math.min(drainTimeoutMs, failoverMs / 2) : drainTimeoutMs)
      .then(() => this.#releaseLease(lease, consumer))
      .then(() => finished)
    return shard.released
  }

  async #releaseLease(lease: HeldLease, consumer: ShardConsumer): Promise<void> {
    try {
      if (this.#isCrash) {
        await lease.heartbeat(consumer.progress)
        lease.lose('left to expire')
      } else {
        await lease.release(consumer.progress)
        this.#settings.onReleased()
      }
    } catch (error) {
      if (!(error instanceof LeaseLostError)) {
        const { events } = this.#settings
        events.emit('fault', { operation: 'release of the lease', shardId: lease.leaseKey, error })
      }
      lease.lose('released') // Other workers take the lease when it expires.
    }
  }

  #forget(lease: HeldLease): void {
    const { events, onGone } = this.#settings
    this.leases.delete(lease.leaseKey)
    this.#shards.delete(lease.leaseKey)
    events.emit('leaseLost', { shardId: lease.leaseKey, reason: lease.lossReason ?? 'released' })
    onGone()
  }
}
