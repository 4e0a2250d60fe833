import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type ConsumerError, LeaseLostError } from './errors.ts'
import { ByteBudget } from './fetching/byte-budget.ts'
import { HeldLease } from './leases/held-lease.ts'
import type { Lease } from './leases/lease.ts'
import { keepLease } from './leases/lease-keeper.ts'
import { LeaseScanner } from './leases/lease-scanner.ts'
import { Counters } from './metrics/counters.ts'
import { ConsumerEmitter } from './metrics/emitter.ts'
import { MeteredLeaseStore } from './metrics/metered-store.ts'
import { type ConsumerMetrics, type LeaseStatus, metricsOf, type ShardStatus } from './metrics/metrics.ts'
import { type ConsumerOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { type ConsumerPorts, systemPorts } from './ports.ts'
import { CircuitBreaker } from './processing/breaker.ts'
import { YieldLimit } from './processing/yield-limit.ts'
import { ShardConsumer } from './shard-consumer.ts'
import { createChildLeases } from './shards/child-leases.ts'
import { ShardSync } from './shards/shard-sync.ts'

/** Options of `KinesisConsumer.stop`. */
export interface StopOptions {
  /** True if the process ends because of an error that a record may have caused. Default false. */
  isCrash?: boolean
}

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

/**
 * Consumes a Kinesis stream as one worker of an application. The workers share the shards of the stream through the
 * lease table. Each record is passed to the handler at least once, and the progress of each shard is stored as a
 * checkpoint.
 */
export class KinesisConsumer {
  /** Identifies this worker in the lease table: the option `workerId`, or the generated id. */
  readonly workerId: string
  /** Emits the events of this consumer, see `ConsumerEvents`. */
  readonly events: ConsumerEmitter
  readonly #options: ResolvedOptions
  readonly #ports: ConsumerPorts
  readonly #counters = new Counters()
  readonly #store: MeteredLeaseStore
  readonly #breaker: CircuitBreaker
  readonly #budget: ByteBudget
  readonly #yields: YieldLimit
  readonly #held = new Map<string, HeldLease>()
  readonly #shards = new Map<string, HeldShard>()
  readonly #scanner: LeaseScanner
  readonly #stopScanning = new AbortController()
  #scanning: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  #isCrash = false

  /** @throws ConsumerOptionError */
  constructor(options: ConsumerOptions, ports?: Partial<ConsumerPorts>) {
    this.#options = resolveOptions(options)
    this.workerId = options.workerId ?? `${hostname()}:${process.pid}:${randomUUID()}`
    const origin = { workerId: this.workerId, applicationName: options.applicationName, streamName: options.streamName }
    this.events = new ConsumerEmitter(origin, (name, event) => this.#counters.count(name, event))
    const { events } = this
    const given = { ...systemPorts(options, this.#options, events), ...ports }
    const { clock, random } = given
    this.#store = new MeteredLeaseStore({ ...given, counters: this.#counters, events, now: () => clock.now() })
    this.#ports = { ...given, store: this.#store }
    this.#breaker = new CircuitBreaker({
      policy: this.#options.processing.breaker,
      clock,
      random,
      onOpened: event => events.emit('breakerOpened', event),
      onClosed: event => events.emit('breakerClosed', event),
    })
    this.#budget = new ByteBudget(this.#options.maxBufferedBytes)
    this.#yields = new YieldLimit(this.#options.processing.yields)
    const sync = new ShardSync({ ...this.#ports, ...this.#options, events: this.events })
    this.#scanner = new LeaseScanner({
      ...this.#ports,
      ...this.#options,
      sync,
      events: this.events,
      workerId: this.workerId,
      held: this.#held,
      onTaken: (...taken) => this.#startShard(...taken),
      onRequested: shardId => this.#handOver(shardId),
      onFailed: error => this.#fail(error),
    })
  }

  /**
   * Creates the lease table if it does not exist, and starts to consume. Resolves when the worker has begun to look for
   * leases.
   *
   * @throws LeaseTableError, LeaseTableTimeoutError, or the error of DynamoDB
   */
  async start(): Promise<void> {
    const { signal } = this.#stopScanning
    try {
      await this.#ports.store.ensureTable(signal)
    } catch (error) {
      if (!signal.aborted) throw error // Otherwise `stop` was called before the start was complete.
    }
    this.#scanning ??= this.#scanner.run(signal)
  }

  /**
   * Stops the worker: takes no more leases, waits for running handlers (for at most `drainTimeoutMs`), writes the last
   * checkpoints, and releases the leases so that other workers can take them at once. Resolves when everything is done.
   * A stopped consumer cannot be started again: create a new one.
   *
   * @param options `isCrash`: the process ends because of an error that a record may have caused. The leases are then
   *   left to expire, as after a crash, so that the workers that take them see `takenOverAt`. Handlers get half of
   *   `failoverMs` to end, or `drainTimeoutMs` if that is less.
   */
  stop({ isCrash = false }: StopOptions = {}): Promise<void> {
    if (!this.#stopped) this.#isCrash = isCrash
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  /** Returns the status of each shard whose lease this worker holds. */
  snapshot(): ShardStatus[] {
    const now = this.#ports.clock.now()
    return [...this.#shards.values()].map(({ lease, consumer, takenAt }) => ({
      shardId: lease.leaseKey,
      checkpoint: lease.row.checkpoint.sequenceNumber,
      pending: consumer.pending,
      millisBehindLatest: consumer.pace.millisBehindLatest,
      fetchAgeMs: consumer.pace.observedAt === undefined ? undefined : now - consumer.pace.observedAt,
      fencingToken: consumer.fencingToken,
      checkpointAgeMs: now - Math.max(takenAt, this.#store.checkpointedAt(lease.leaseKey) ?? takenAt),
      bufferedBytes: consumer.bufferedBytes,
      recordsPerSecond: consumer.pace.recordsPerSecond,
      timeToDrainMs: consumer.pace.timeToDrainMs(consumer.pending),
    }))
  }

  /**
   * Returns every lease of the application, including those of other workers, as of the last read of the lease table.
   * That is about one scan interval ago.
   */
  leases(): LeaseStatus[] {
    return this.#store.lastRead.map(lease => ({
      shardId: lease.leaseKey,
      owner: lease.leaseOwner,
      leaseCounter: lease.leaseCounter,
      checkpoint: lease.checkpoint.sequenceNumber,
      ownerSwitchesSinceCheckpoint: lease.ownerSwitchesSinceCheckpoint,
    }))
  }

  /** Returns what this worker has done since it was created, and its current state. */
  metrics(): ConsumerMetrics {
    return metricsOf({
      workerId: this.workerId,
      counters: this.#counters,
      shards: this.snapshot(),
      bufferedBytes: this.#budget.used,
      yielded: this.#yields.total,
      breaker: this.#breaker.state,
    })
  }

  /** Milliseconds since the last complete read of the lease table; undefined before the first. */
  get millisSinceScan(): number | undefined {
    const { lastScanAt } = this.#scanner
    return lastScanAt === undefined ? undefined : this.#ports.clock.now() - lastScanAt
  }

  async #stop(): Promise<void> {
    this.#stopScanning.abort()
    // The handler of a record that crashed its process may never end. The other records must not wait for it.
    const release = (shards: HeldShard[]) => Promise.all(shards.map(shard => this.#releaseShard(shard, this.#isCrash)))
    const held = [...this.#shards.values()]
    const releasing = release(held) // Called before the scan has ended, so that no further record starts.
    await this.#scanning
    // A running scan may have taken a lease in the meantime.
    await release([...this.#shards.values()].filter(shard => !held.includes(shard)))
    await releasing
  }

  #fail(error: ConsumerError): void {
    const hasListener = this.events.emit('failed', { error })
    if (!hasListener) process.emitWarning(error.message, { code: error.code, type: error.name })
    void this.stop()
  }

  #startShard(row: Lease, takenAt: number, wasReleased: boolean): void {
    const { store, clock } = this.#ports
    const { failoverMs } = this.#options
    const { leaseKey: shardId } = row
    const lease = new HeldLease({ lease: row, takenAt, store, clock, failoverMs })
    const consumer = new ShardConsumer({
      ...this.#ports,
      lease,
      wasReleased,
      breaker: this.#breaker,
      counters: this.#counters,
      budget: this.#budget.open(),
      yields: this.#yields,
      options: this.#options,
      events: this.events,
      createChildLeases: children => createChildLeases(row, children, store),
    })
    const onFault = (error: unknown) => this.events.emit('fault', { operation: 'renewal of the lease', shardId, error })
    const keeping = keepLease({ lease, progress: () => consumer.progress, clock, failoverMs, onFault })
    const finished = Promise.all([this.#runShard(lease, consumer), keeping, lease.guard()]).then(() => undefined)
    this.#held.set(shardId, lease)
    this.#shards.set(shardId, { lease, consumer, takenAt, finished })
    lease.signal.addEventListener('abort', () => this.#forgetShard(lease), { once: true })
  }

  async #runShard(lease: HeldLease, consumer: ShardConsumer): Promise<void> {
    try {
      await consumer.run()
    } catch (error) {
      // This error is not handled where it occurs. Release the shard, so that this or another worker starts it again.
      this.events.emit('fault', { operation: 'reading of the shard', shardId: lease.leaseKey, error })
      await this.#releaseLease(lease, consumer)
    }
  }

  /**
   * Releases a shard that another worker requests. Running handlers may finish first, so that no record is handled
   * twice.
   */
  #handOver(shardId: string): void {
    const shard = this.#shards.get(shardId)
    // The other worker waits no longer than the failover time.
    if (shard) void this.#releaseShard(shard, true)
  }

  #releaseShard(shard: HeldShard, isHurried: boolean): Promise<void> {
    const { drainTimeoutMs, failoverMs } = this.#options
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
      } else await lease.release(consumer.progress)
    } catch (error) {
      if (!(error instanceof LeaseLostError)) {
        this.events.emit('fault', { operation: 'release of the lease', shardId: lease.leaseKey, error })
      }
      lease.lose('released') // Other workers take the lease when it expires.
    }
  }

  #forgetShard(lease: HeldLease): void {
    this.#held.delete(lease.leaseKey)
    this.#shards.delete(lease.leaseKey)
    this.events.emit('leaseLost', { shardId: lease.leaseKey, reason: lease.lossReason ?? 'released' })
    // The children of an ended shard can now be read, and a lost shard may be free again.
    this.#scanner.wake()
  }
}
