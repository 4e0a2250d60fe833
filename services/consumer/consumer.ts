import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type Clock, type Random, systemClock } from './clock.ts'
import { type ConsumerError, LeaseLostError } from './errors.ts'
import { ByteBudget } from './fetching/byte-budget.ts'
import { createSubscribe } from './kinesis/fan-out-stream.ts'
import { createKinesisStream } from './kinesis/kinesis-stream.ts'
import { createDynamoDbLeaseStore } from './leases/dynamodb-lease-store.ts'
import { HeldLease } from './leases/held-lease.ts'
import type { Lease } from './leases/lease.ts'
import { keepLease } from './leases/lease-keeper.ts'
import { LeaseScanner } from './leases/lease-scanner.ts'
import type { LeaseStore } from './leases/lease-store.ts'
import { Counters } from './metrics/counters.ts'
import { ConsumerEmitter } from './metrics/emitter.ts'
import { MeteredLeaseStore } from './metrics/metered-store.ts'
import { type ConsumerMetrics, type LeaseStatus, metricsOf, type ShardStatus } from './metrics/metrics.ts'
import { type ConsumerOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { CircuitBreaker } from './processing/breaker.ts'
import { YieldLimit } from './processing/yield-limit.ts'
import { ShardConsumer } from './shard-consumer.ts'
import { createChildLeases } from './shards/child-leases.ts'
import { ShardSync } from './shards/shard-sync.ts'
import type { StreamReader } from './stream.ts'

/** What the consumer reaches the world through. */
export interface ConsumerPorts {
  store: LeaseStore
  stream: StreamReader
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
  random: Random
  /** Of this run of the worker: no other process has it, whatever its worker id. */
  session: string
}

export interface StopOptions {
  isCrash?: boolean
}

interface HeldShard {
  lease: HeldLease
  consumer: ShardConsumer
  /** Monotonic milliseconds. */
  takenAt: number
  /** Resolves when nothing of it runs any more but handlers that ignore their signal. Never rejects. */
  finished: Promise<void>
  /** Set once it is being given up. Never rejects. */
  released?: Promise<void>
}

/**
 * One worker of an application that consumes a Kinesis stream: it shares the stream's shards with the other workers by the
 * lease table, hands each record to the handler at least once, and remembers how far it has come.
 */
export class KinesisConsumer {
  readonly workerId: string
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
      ...{ policy: this.#options.processing.breaker, clock, random },
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
   * Makes the lease table if there is none and starts to consume. Resolves when the worker looks for leases.
   *
   * @throws LeaseTableError, LeaseTableTimeoutError, or what DynamoDB threw
   */
  async start(): Promise<void> {
    const { signal } = this.#stopScanning
    try {
      await this.#ports.store.ensureTable(signal)
    } catch (error) {
      if (!signal.aborted) throw error // Else it was told to stop before it had begun.
    }
    this.#scanning ??= this.#scanner.run(signal)
  }

  /**
   * Takes no more leases, lets the handlers that run come to an end (for `drainTimeoutMs` at most), writes the last
   * checkpoints and gives the leases up, for other workers to take at once. Resolves when nothing is left to do. A consumer
   * that was stopped stays so: make a new one.
   *
   * @param options `isCrash`: the process ends by an error that may be the fault of a record. Then the leases are left to run out, as
   *   after a death: whoever takes them is told so by `takenOverAt`. Handlers have half of `failoverMs` to end, or `drainTimeoutMs`
   *   where that is less
   */
  stop({ isCrash = false }: StopOptions = {}): Promise<void> {
    if (!this.#stopped) this.#isCrash = isCrash
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  /** The shards in this worker's hands. */
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

  /** Every lease of the application, whoever holds it, as this worker last read the table: a scan interval ago or so. */
  leases(): LeaseStatus[] {
    return this.#store.lastRead.map(lease => ({
      shardId: lease.leaseKey,
      owner: lease.leaseOwner,
      leaseCounter: lease.leaseCounter,
      checkpoint: lease.checkpoint.sequenceNumber,
      ownerSwitchesSinceCheckpoint: lease.ownerSwitchesSinceCheckpoint,
    }))
  }

  /** What this worker has done since it was made, and how it is now. */
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

  /** Milliseconds since the lease table was last read to the end; undefined before the first time. */
  get millisSinceScan(): number | undefined {
    const { lastScanAt } = this.#scanner
    return lastScanAt === undefined ? undefined : this.#ports.clock.now() - lastScanAt
  }

  async #stop(): Promise<void> {
    this.#stopScanning.abort()
    // The handler of a record that crashed its process may never end: the other records must not wait for it.
    const release = (shards: HeldShard[]) => Promise.all(shards.map(shard => this.#releaseShard(shard, this.#isCrash)))
    const held = [...this.#shards.values()]
    const releasing = release(held) // At once: no record starts from here on.
    await this.#scanning
    // A scan under way may have taken a lease meanwhile.
    await release([...this.#shards.values()].filter(shard => !held.includes(shard)))
    await releasing
  }

  #fail(error: ConsumerError): void {
    const hasListener = this.events.emit('failed', { error })
    if (!hasListener) process.emitWarning(error.message, { code: error.code, type: error.name })
    void this.stop()
  }

  #startShard(row: Lease, takenAt: number, wasReleased: boolean): void {
    const { store, stream, clock, wallClock, random } = this.#ports
    const { failoverMs } = this.#options
    const { leaseKey: shardId } = row
    const lease = new HeldLease({ lease: row, takenAt, store, clock, failoverMs })
    const consumer = new ShardConsumer({
      ...{ lease, wasReleased, stream, clock, wallClock, random, breaker: this.#breaker, counters: this.#counters },
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
      // Not a fault that is healed where it happens: give the shard up, so that this worker or another starts it afresh.
      this.events.emit('fault', { operation: 'reading of the shard', shardId: lease.leaseKey, error })
      await this.#releaseLease(lease, consumer)
    }
  }

  /** Another worker asks for the shard: what has begun is brought to its end, so that nothing is done twice. */
  #handOver(shardId: string): void {
    const shard = this.#shards.get(shardId)
    // Longer than the failover time the other one does not wait.
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
        lease.lose('left to run out')
      } else await lease.release(consumer.progress)
    } catch (error) {
      if (!(error instanceof LeaseLostError)) {
        this.events.emit('fault', { operation: 'release of the lease', shardId: lease.leaseKey, error })
      }
      lease.lose('released') // Others take it when it runs out.
    }
  }

  #forgetShard(lease: HeldLease): void {
    this.#held.delete(lease.leaseKey)
    this.#shards.delete(lease.leaseKey)
    this.events.emit('leaseLost', { shardId: lease.leaseKey, reason: lease.lossReason ?? 'released' })
    // A shard that ended has made its children ready, and a lost one may be free again.
    this.#scanner.wake()
  }
}

function systemPorts(
  { kinesis, dynamodb }: ConsumerOptions,
  options: ResolvedOptions,
  events: ConsumerEmitter,
): ConsumerPorts {
  const { applicationName: table, streamName, failoverMs, fanOut } = options
  return {
    store: createDynamoDbLeaseStore({ dynamodb, table, requestTimeoutMs: Math.ceil(failoverMs / 3) }),
    stream: {
      ...createKinesisStream({
        ...{ kinesis, streamName },
        requestTimeoutMs: READ_TIMEOUT_MS,
        onFallback: error => events.emit('fault', { operation: 'GetRecords in CBOR', shardId: undefined, error }),
      }),
      ...(fanOut && { subscribe: createSubscribe({ kinesis, streamName, fanOut, clock: systemClock }) }),
    },
    clock: systemClock,
    wallClock: () => Date.now(),
    random: Math.random,
    session: randomUUID(),
  }
}

/** A reply has up to 10 MiB; longer than this is a connection that is dead. */
const READ_TIMEOUT_MS = 30_000
