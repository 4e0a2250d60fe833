import { KinesisConsumer } from '../../services/consumer/consumer.ts'
import { MemoryBudget } from '../../services/consumer/fetching/byte-budget.ts'
import { sessionOf } from '../../services/consumer/leases/lease.ts'
import type { ProcessingOptions } from '../../services/consumer/processing/processing-options.ts'
import { BUDGET_BYTES, Buffers } from './buffers.ts'
import { wrongBy } from './faults.ts'
import { Handlers } from './handlers.ts'
import type { Invariant } from './invariants.ts'
import { runLoop } from './iteration.ts'
import { STREAM_IDENTIFIER } from './neighbor.ts'
import { leaseStoreOf, streamReaderOf } from './ports.ts'
import { UNUSED_CLIENTS } from './unused-clients.ts'
import { WorkerProcess } from './worker-process.ts'
import type { World } from './world.ts'

const RETRY = { firstMs: 50, maxMs: 1_000 }

/** One run of a worker: the real consumer, in a process of the world. */
export class Worker {
  readonly workerId: string
  /** Identifies this run of the worker. */
  readonly session: string
  readonly process: WorkerProcess
  readonly consumer: KinesisConsumer
  /** The consumer of another stream in the same process; undefined in a run with one stream. */
  readonly neighbor: KinesisConsumer | undefined
  readonly handlers: Handlers
  stopping = false
  #isEnding = false
  /** True if the others must no longer depend on this worker. */
  departed = false
  /** Error of its wall clock. */
  clockErrorMs = 0
  readonly #world: World
  readonly #buffers = new Buffers()
  /** Shards whose release may or may not have arrived. */
  readonly #releaseFailed = new Set<string | undefined>()
  /** When each shard was last subscribed to under the current lease. */
  readonly #subscribed = new Map<string, { here: number; stalls: number }>()

  /** @param maxLeases the maximum number of leases of this run; undefined without */
  constructor(workerId: string, run: number, world: World, maxLeases?: number) {
    const { time, streams, scenario } = world
    this.workerId = workerId
    this.#world = world
    this.process = new WorkerProcess(`${workerId}.${run}`, time, streams)
    const { process } = this
    if (!world.healed) process.continuesAt = world.faultsEndAt
    const clocks = streams.of(`clock of ${process.name}`)
    if (clocks.chance(scenario.wrongClocks)) this.clockErrorMs = wrongBy(clocks)
    const stream = streamReaderOf(process, world, {
      fetchStarts: shardId => this.#fetchStarts(shardId),
      subscribes: shardId => this.#subscribes(shardId),
      acts: what => world.pausing.acts(process, what),
      received: (shardId, { records }) => {
        const parts = records.flatMap(record => world.kinesis.partsOf(record))
        this.#buffers.received(shardId, parts, world.invariants.takenFrom(this.name, shardId))
        this.#checkMemory()
      },
    })
    const handlers = new Handlers({ process, world, settled: record => this.#buffers.handled(record) })
    this.handlers = handlers
    const { initialPosition, startsAtMs, batch, maxAttempts } = scenario
    const position =
      initialPosition === 'timestamp' ? { timestamp: new Date(world.wallClock(startsAtMs)) } : initialPosition
    this.session = sessionOf(workerId, `${process.random.integer(0, 2 ** 30)} of ${this.name}`)
    const handling: ProcessingOptions = {
      ...(batch ? { batchHandler: handlers.batch, batch } : { handler: handlers.one, ...world.fairness.options }),
      ...(maxAttempts !== undefined && { deadLetter: handlers.deadLetter }),
      concurrency: scenario.concurrency,
      retry: { ...RETRY, ...(maxAttempts !== undefined && { maxAttempts, classify: handlers.classify }) },
      breaker: { ...RETRY, failures: 5 },
      handlerTimeoutMs: scenario.handlerTimeoutMs,
    }
    const { isIterated } = world.iteration
    const { neighbor } = world
    const memory = neighbor?.scenario.sharesBudget ? new MemoryBudget(BUDGET_BYTES) : BUDGET_BYTES
    const wallClock = () => world.wallClock(process.here) + this.clockErrorMs
    this.consumer = new KinesisConsumer(
      {
        ...{ applicationName: 'simulation', streamName: 'simulation', ...UNUSED_CLIENTS, workerId },
        ...(neighbor && { leaseTable: { streamIdentifier: STREAM_IDENTIFIER } }),
        ...(isIterated ? {} : handling),
        initialPosition: position,
        failoverMs: scenario.failoverMs,
        scanIntervalMs: scenario.scanIntervalMs,
        ...(maxLeases !== undefined && { maxLeases }),
        shardSyncIntervalMs: scenario.shardSyncIntervalMs,
        maxBufferedBytes: memory,
        recordsPerFetch: scenario.recordsPerFetch,
        idleIntervalMs: scenario.idleIntervalMs,
        drainTimeoutMs: scenario.drainTimeoutMs,
        logger: false,
      },
      {
        store: leaseStoreOf(process, world, { onRead: leases => world.pausing.read(process, workerId, leases) }),
        stream,
        clock: process,
        wallClock,
        random: process.random.next,
        session: this.session,
      },
    )
    this.#listen(maxLeases)
    const buffers = memory instanceof MemoryBudget ? this.#buffers : new Buffers()
    this.neighbor = neighbor?.consumerOf({
      ...{ process, workerId, memory, buffers, wallClock, onFailed: () => void this.#end() },
    })
  }

  get name(): string {
    return this.process.name
  }

  get alive(): boolean {
    return this.process.alive
  }

  async start(): Promise<void> {
    const { process, consumer, handlers, neighbor } = this
    const world = this.#world
    const isIterated = world.iteration.isIterated
    const running = isIterated ? runLoop({ process, consumer, handlers, world }) : consumer.start()
    await Promise.all([this.#started(consumer, running), neighbor && this.#started(neighbor, neighbor.start())])
  }

  async #started(consumer: KinesisConsumer, starting: Promise<void>): Promise<void> {
    try {
      await starting
    } catch (error) {
      // The event `failed` ends the process, or the other consumer could not start either.
      if (consumer.failure || !this.alive) return
      // The table cannot be reached. As in production, the process ends and is restarted.
      this.#world.trace.add(`${this.name} cannot start: ${error}`)
      this.#world.replace(this)
    }
  }

  async stop(): Promise<void> {
    this.stopping = true
    await Promise.all([this.consumer.stop(), this.neighbor?.stop()])
    this.#world.trace.add(`${this.name} has stopped`)
    this.process.kill()
  }

  /**
   * A consumer has failed. As in production, the process ends after the stop. Its operator gives it another worker
   * id.
   */
  async #end(): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    await this.stop()
    this.#world.join()
  }

  #listen(maxLeases = Number.POSITIVE_INFINITY): void {
    const { trace, invariants, application, keylessStarts } = this.#world
    const violated = (invariant: Invariant, what: string) => this.#world.violated(invariant, what)
    const tell = (event: string, shardId: string | undefined, more = '') => {
      if (this.alive) trace.add(`${this.name} ${event} ${shardId ?? ''} ${more}`)
    }
    this.consumer.events
      .on('leaseAcquired', ({ shardId, from, checkpoint }) => {
        this.#buffers.opened(shardId)
        this.#subscribed.set(shardId, { here: Number.NEGATIVE_INFINITY, stalls: this.process.stalls })
        invariants.acquired(this.name, shardId, checkpoint)
        application.acquired(this.name, shardId)
        keylessStarts.acquired(this.name, shardId)
        const { held } = this.consumer.metrics().leases
        if (this.alive && held > maxLeases) violated('max', `${this.name} holds ${held} leases`)
        tell('acquires', shardId, `from ${from}`)
      })
      .on('leaseLost', ({ shardId, reason }) => {
        this.#buffers.closed(shardId)
        tell('loses', shardId, reason)
        const isUncertain = this.#releaseFailed.delete(shardId)
        if (this.alive && !isUncertain) invariants.leaseLost(this.name, shardId, reason)
      })
      .on('paused', ({ scope, by }) => tell('is paused', undefined, `${scope} by ${by}`))
      .on('resumed', ({ by }) => tell('is resumed', undefined, `by ${by}`))
      .on('shardEnded', ({ shardId }) => tell('ended', shardId))
      .on('recordFailed', ({ shardId, sequenceNumber }) => tell('failed', shardId, sequenceNumber.slice(-4)))
      .on('failed', ({ error }) => {
        tell('fails', undefined, error.message)
        if (this.alive) void this.#end()
      })
      .on('fault', ({ operation, shardId, error }) => {
        if (operation === 'release of the lease') this.#releaseFailed.add(shardId)
        tell('faults', shardId, `${operation}: ${error}`)
      })
  }

  #subscribes(shardId: string): void {
    const { here, stalls } = this.process
    const before = this.#subscribed.get(shardId)
    this.#subscribed.set(shardId, { here, stalls: before?.stalls ?? stalls })
    const afterMs = here - (before?.here ?? Number.NEGATIVE_INFINITY)
    // The clock has fractions, and a process that is suspended between reading it and the call is late.
    if (!this.alive || afterMs > 1_099 || before?.stalls !== stalls) return
    this.#world.violated('pace', `${this.name} subscribes to ${shardId} again after ${afterMs.toFixed()} ms`)
  }

  /** A worker that polls may exceed the budget by one reply. With fan-out, each shard may have one event. */
  #checkMemory(): void {
    const { fanOut, maxReplyBytes } = this.#world.scenario
    const { bytes } = this.#buffers
    if (fanOut || !this.alive || bytes <= BUDGET_BYTES + maxReplyBytes) return
    this.#world.violated('9', `${this.name} has ${bytes} bytes in hand`)
  }

  /** The room in the budget counts when the worker decides to fetch, and is a fault only if it then fetches. */
  #fetchStarts(shardId: string): () => void {
    const { bytes } = this.#buffers
    const isFull = this.#buffers.isFull(shardId)
    return () => {
      if (this.alive && isFull) this.#world.violated('9', `${this.name} fetches ${shardId} with ${bytes} bytes in hand`)
    }
  }
}
