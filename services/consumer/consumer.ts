import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { systemClock } from './clock.ts'
import { type ConsumerError, ConsumerUsageError } from './errors.ts'
import { HeldShards } from './held-shards.ts'
import { type IteratedRecord, RecordIterator } from './iteration/record-iterator.ts'
import { RecordQueue } from './iteration/record-queue.ts'
import { LeaseScanner } from './leases/lease-scanner.ts'
import { Counters } from './metrics/counters.ts'
import { ConsumerEmitter, type EventOrigin } from './metrics/emitter.ts'
import { EventLog } from './metrics/event-log.ts'
import { MeteredLeaseStore } from './metrics/metered-store.ts'
import {
  type ConsumerMetrics,
  type ConsumerState,
  type LeaseStatus,
  leaseStatusOf,
  metricsOf,
  type ShardStatus,
} from './metrics/metrics.ts'
import { onlyKnown } from './option-checks.ts'
import { type ConsumerOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import type { Pause } from './pausing/pause-state.ts'
import { type PauseOptions, WorkerPause } from './pausing/worker-pause.ts'
import { type ConsumerPorts, systemPorts } from './ports.ts'
import { CircuitBreaker } from './processing/breaker.ts'
import type { Decoder } from './processing/decode.ts'
import { YieldLimit } from './processing/yield-limit.ts'
import { awaitStream } from './shards/await-stream.ts'
import { ShardSync } from './shards/shard-sync.ts'

/** Options of `KinesisConsumer.stop`. */
export interface StopOptions {
  /** True if the process ends because of an error that a record may have caused. Default false. */
  isCrash?: boolean
}

/**
 * Consumes a Kinesis stream as one worker of an application. The workers share the shards of the stream through the
 * lease table. Each record is passed to the handler at least once, and the progress of each shard is stored as a
 * checkpoint.
 */
export class KinesisConsumer<T = undefined> {
  /** Identifies this worker in the lease table: the option `workerId`, or the generated id. */
  readonly workerId: string
  /** Emits the events of this consumer, see `ConsumerEvents`. */
  readonly events: ConsumerEmitter
  /** The option `failoverMs`, or its default. */
  readonly failoverMs: number
  readonly #options: ResolvedOptions
  readonly #origin: EventOrigin
  readonly #ports: ConsumerPorts
  readonly #counters = new Counters()
  readonly #store: MeteredLeaseStore
  readonly #pause: WorkerPause
  readonly #breaker: CircuitBreaker
  readonly #yields: YieldLimit
  readonly #queue: RecordQueue
  readonly #shards: HeldShards
  readonly #scanner: LeaseScanner
  readonly #stopScanning = new AbortController()
  #scanning: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  #isCrash = false
  #isIterated = false
  #state: ConsumerState = 'created'
  #failure: ConsumerError | undefined
  /** Monotonic time at which the first start was complete. */
  #startedAt: number | undefined

  /** @throws ConsumerOptionError */
  constructor(options: ConsumerOptions<T>, ports?: Partial<ConsumerPorts>) {
    this.#options = resolveOptions(options)
    this.workerId = options.workerId ?? `${hostname()}:${process.pid}:${randomUUID()}`
    const { applicationName, streamName, failoverMs } = this.#options
    const origin = { workerId: this.workerId, applicationName, streamName }
    this.#origin = origin
    this.failoverMs = failoverMs
    const { logger } = this.#options
    const log = logger && new EventLog({ logger, origin, clock: ports?.clock ?? systemClock })
    this.events = new ConsumerEmitter(origin, (name, event) => {
      this.#counters.count(name, event)
      if (log) log.write(name, event)
    })
    const { events } = this
    const given = { ...systemPorts(options, this.#options, { events, workerId: this.workerId }), ...ports }
    const { clock, random } = given
    this.#pause = new WorkerPause({
      ...given,
      events,
      workerId: this.workerId,
      onResumed: () => {
        this.#shards.restartPaces()
        this.#queue.wake()
      },
    })
    this.#queue = new RecordQueue(this.#pause.gate)
    const store = this.#pause.watch(given.store)
    this.#store = new MeteredLeaseStore({ store, counters: this.#counters, events, now: () => clock.now() })
    this.#ports = { ...given, store: this.#store }
    this.#breaker = new CircuitBreaker({
      policy: this.#options.processing.breaker,
      clock,
      random,
      onOpened: event => events.emit('breakerOpened', event),
      onClosed: event => events.emit('breakerClosed', event),
    })
    this.#yields = new YieldLimit(this.#options.processing.yields)
    this.#shards = new HeldShards({
      ...this.#ports,
      store: this.#store,
      options: this.#options,
      events,
      pause: this.#pause.gate,
      breaker: this.#breaker,
      counters: this.#counters,
      budget: this.#options.budget.shared,
      yields: this.#yields,
      queue: this.#queue,
      onWritten: lease => this.#scanner.onWritten(lease),
      onReleased: () => this.#state === 'stopping' && this.#scanner.notices.announce(),
      // The children of an ended shard can now be read, and a lost shard may be free again.
      onGone: () => this.#scanner.wake(),
    })
    const sync = new ShardSync({ ...this.#ports, ...this.#options, events: this.events })
    this.#scanner = new LeaseScanner({
      ...this.#ports,
      ...this.#options,
      sync,
      events: this.events,
      workerId: this.workerId,
      held: this.#shards.leases,
      pause: this.#pause,
      onTaken: (...taken) => this.#shards.start(...taken),
      onRequested: shardId => this.#shards.handOver(shardId),
      onFailed: error => this.#fail(error),
    })
  }

  /**
   * Creates the lease table if it does not exist, and starts to consume. Waits while the stream is being created.
   * Resolves when the worker has begun to look for leases. It can be called again after a rejection.
   *
   * @throws ConsumerOptionError if the KinesisClient uses another region than that of `streamArn`; StreamMissingError, LeaseTableError, LeaseTableTimeoutError, or the error of DynamoDB
   */
  async start(): Promise<void> {
    if (this.#options.processing.work.kind === 'iterated' && !this.#isIterated) {
      throw new ConsumerUsageError(
        "The consumer has no handler. Pass 'handler' or 'batchHandler', or iterate over consumer.records(), which starts the consumer.",
      )
    }
    const { signal } = this.#stopScanning
    const { streamName } = this.#options
    const onFault = (error: unknown) =>
      this.events.emit('fault', { operation: 'ListShards', shardId: undefined, error })
    if (this.#state === 'created') this.#state = 'starting'
    try {
      await awaitStream({ ...this.#ports, streamName, signal, onFault })
      await this.#ports.store.ensureTable(signal)
    } catch (error) {
      if (!signal.aborted) {
        if (this.#state === 'starting') this.#state = 'created'
        throw error // Otherwise `stop` was called before the start was complete.
      }
    }
    if (this.#state === 'starting') this.#state = 'running'
    this.#startedAt ??= this.#ports.clock.now()
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

  /**
   * Returns the records of this worker for a loop, if the consumer has no handler. The first step of the loop starts the
   * consumer, and leaving the loop stops it. The records of a shard come in order, and the shards take turns. Call
   * `record.commit()` when a record is done. Fetching waits while `maxBufferedBytes` of records are not committed.
   *
   * The loop ends when `stop` is called, and throws if the consumer cannot start or continue.
   *
   * @throws ConsumerUsageError if the consumer has a handler, or if this is called twice
   */
  records(): AsyncIterableIterator<IteratedRecord<T>> {
    const { work } = this.#options.processing
    if (work.kind !== 'iterated') {
      throw new ConsumerUsageError("The consumer has a handler. Omit 'handler' and 'batchHandler' to use records().")
    }
    if (this.#isIterated) {
      throw new ConsumerUsageError('records() was called before. Share its result between the readers.')
    }
    this.#isIterated = true
    return new RecordIterator<T>({
      queue: this.#queue,
      decode: work.decode as Decoder<T> | undefined, // The option of this consumer, whose T it is.
      start: () => this.start(),
      stop: () => this.stop(),
      failure: () => this.#failure,
    })
  }

  /** What the consumer does now. */
  get state(): ConsumerState {
    return this.#state
  }

  /** The error that stopped the consumer, see the event `failed`. Undefined if no error did. */
  get failure(): ConsumerError | undefined {
    return this.#failure
  }

  /**
   * Pauses this worker until `resume` is called or the process ends: it fetches no records and starts no handler.
   * Running handlers end, fetched records wait in memory, and the worker keeps its leases and writes checkpoints. To
   * pause a whole application or another worker from outside, use `ConsumerAdmin.pause`.
   *
   * @throws ConsumerOptionError if the options have an unknown name
   */
  pause(options: PauseOptions = {}): void {
    const { by, reason } = onlyKnown(undefined, options, { by: true, reason: true })
    this.#pause.pauseProcess({ by: by ?? this.workerId, reason: reason ?? 'consumer.pause() was called' })
  }

  /** Ends the pause of `pause`. A pause by `ConsumerAdmin.pause` continues. */
  resume(): void {
    this.#pause.resumeProcess()
  }

  /** The pause that applies to this worker; undefined if it is not paused. */
  get paused(): Pause | undefined {
    return this.#pause.current
  }

  /** Returns the status of each shard whose lease this worker holds. */
  snapshot(): ShardStatus[] {
    return this.#shards.snapshot()
  }

  /** Returns every lease of the application, as of the last read of the table. Large tables are read less often. */
  leases(): LeaseStatus[] {
    return this.#store.lastRead.map(leaseStatusOf)
  }

  /** Returns what this worker has done since it was created, and its current state. */
  metrics(): ConsumerMetrics {
    const shards = this.snapshot()
    return metricsOf({
      origin: this.#origin,
      scanAgeMs: this.millisSinceScan ?? this.#millisSinceStart(),
      counters: this.#counters,
      shards,
      bufferedBytes: shards.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0),
      ...{ yielded: this.#yields.total, maxBufferedBytes: this.#options.budget.maxBytes },
      breaker: this.#breaker.state,
      paused: this.#pause.current,
      unread: this.#scanner.unread.length,
    })
  }

  /** Milliseconds since the lease table was last read, or an observer of it checked; undefined before the first time. */
  get millisSinceScan(): number | undefined {
    const { lastScanAt } = this.#scanner
    return lastScanAt === undefined ? undefined : this.#ports.clock.now() - lastScanAt
  }

  #millisSinceStart(): number | undefined {
    return this.#startedAt === undefined ? undefined : this.#ports.clock.now() - this.#startedAt
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping'
    this.#queue.end()
    this.#stopScanning.abort()
    const releasing = this.#shards.release(this.#isCrash) // Called before the scan has ended, so that no further record starts.
    await this.#scanning
    // A running scan may have taken a lease in the meantime.
    await this.#shards.release(this.#isCrash)
    await releasing
    await this.#scanner.notices.announced
    this.#state = 'stopped'
  }

  #fail(error: ConsumerError): void {
    this.#failure = error
    const isReported = this.events.emit('failed', { error }) || this.#options.logger !== false
    if (!isReported) process.emitWarning(error.message, { code: error.code, type: error.name })
    void this.stop()
  }
}
