import { createRangeCheck } from './aggregation/range-check.ts'
import { type UnpackSettings, unpack } from './aggregation/unpack.ts'
import { type Checkpoint, compareCheckpoints } from './checkpoint.ts'
import type { Clock, Random } from './clock.ts'
import { LeaseLostError } from './errors.ts'
import type { BudgetAccount } from './fetching/budget-account.ts'
import { fetchByFanOut } from './fetching/fan-out.ts'
import { fetchShard } from './fetching/fetch-shard.ts'
import type { RecordQueue } from './iteration/record-queue.ts'
import type { HeldLease } from './leases/held-lease.ts'
import type { Counters } from './metrics/counters.ts'
import type { ConsumerEmitter } from './metrics/emitter.ts'
import { ShardPace } from './metrics/shard-pace.ts'
import type { ThrottlingReport } from './metrics/throttling-report.ts'
import type { ResolvedOptions } from './options.ts'
import type { PauseGate } from './pausing/pause-gate.ts'
import type { CircuitBreaker } from './processing/breaker.ts'
import { ShardProcessor } from './processing/shard-processor.ts'
import type { YieldLimit } from './processing/yield-limit.ts'
import type { ConsumerRecord } from './record.ts'
import type { ChildShard } from './shards/shard.ts'
import type { StreamReader } from './stream.ts'

export interface ShardConsumerSettings {
  lease: HeldLease
  /** True if the previous owner released the lease, or if there was none. */
  wasReleased: boolean
  stream: StreamReader
  budget: BudgetAccount
  options: ResolvedOptions
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
  random: Random
  pause: PauseGate
  breaker: CircuitBreaker
  counters: Counters
  yields: YieldLimit
  /** The records that wait for the iterator of the worker. */
  queue: RecordQueue
  events: ConsumerEmitter
  throttling: ThrottlingReport
  /** Creates the leases of a shard's children. Resolves when all of them exist. */
  createChildLeases(children: readonly ChildShard[]): Promise<void>
}

/**
 * Minimum time for which handlers see `takenOverAt`: long enough for the new worker to reach the record that killed the
 * previous one.
 */
const TAKEOVER_MS = 60_000

/** Reads one shard while its lease is held: fetches and processes records, and writes the end of the shard. */
export class ShardConsumer {
  readonly #settings: ShardConsumerSettings
  readonly #processor: ShardProcessor
  /** Stops fetching, because the lease is lost or the worker stops. */
  readonly #stopFetching = new AbortController()
  /** Aborts the handlers, because the lease is lost or the drain timeout is over. */
  readonly #abortHandlers = new AbortController()
  #handlersAborted = false
  readonly #unpackSettings: UnpackSettings
  /** Grows with every write of the lease, so every later owner has a greater token. */
  readonly #fencingToken: number
  readonly #pace = new ShardPace()
  #lastWrite: Promise<void> = Promise.resolve()
  /** A write of the progress that has not begun. */
  #nextWrite: Promise<void> | undefined

  constructor(settings: ShardConsumerSettings) {
    this.#settings = settings
    const { lease, budget, options, counters, yields, clock, wallClock, random, pause, breaker, events } = settings
    const { leaseKey: shardId } = lease
    this.#fencingToken = lease.row.leaseCounter
    this.#processor = new ShardProcessor({
      shard: {
        shardId,
        fencingToken: this.#fencingToken,
        clock,
        wallClock,
        random,
        pause,
        breaker,
        events,
        takeover: settings.wasReleased
          ? undefined
          : { at: new Date(wallClock()), until: pause.activeNow() + Math.max(TAKEOVER_MS, options.failoverMs) },
        mayStart: now => !this.#handlersAborted && lease.isValid(now),
        checkpoint: () => this.#writeProgress(),
        signal: this.#abortHandlers.signal,
      },
      options: options.processing,
      from: lease.row.checkpoint,
      budget,
      counters,
      yields,
      queue: settings.queue,
    })
    this.#unpackSettings = {
      isInside: createRangeCheck(lease.row),
      onOutside: outside => events.emit('aggregateOutsideShard', { shardId, ...outside }),
    }
    lease.signal.addEventListener('abort', () => this.#abandon(), { once: true })
  }

  get progress(): Checkpoint {
    return this.#processor.progress
  }

  /** Records that have been fetched and that the watermark has not passed. */
  get pending(): number {
    return this.#processor.pending
  }

  /** Milliseconds for which records have waited without progress, see `ShardProcessor.stalledMs`. */
  stalledMs(now: number): number {
    return this.#processor.stalledMs(now)
  }

  /** Forgets rates and waits after a pause, which makes them useless. */
  restartPace(): void {
    this.#pace.restart()
    this.#processor.restartStall()
  }

  get fencingToken(): number {
    return this.#fencingToken
  }

  get bufferedBytes(): number {
    return this.#settings.budget.used
  }

  /** How fast the shard is read and processed, and how far it is behind. */
  get pace(): ShardPace {
    return this.#pace
  }

  /** Reads until the shard ends, the lease is lost or `drain` is called. */
  async run(): Promise<void> {
    const children = await this.#fetchAll()
    if (children) await this.#finish(children)
  }

  /**
   * Stops fetching and starting records, and waits for the running handlers. After `timeoutMs` their signals fire and
   * they are no longer waited for. `progress` then says what has been done.
   */
  async drain(timeoutMs: number): Promise<void> {
    const { clock } = this.#settings
    this.#stopFetching.abort()
    const ended = new AbortController()
    const closed = this.#processor.close().finally(() => ended.abort())
    await Promise.race([closed, clock.sleep(timeoutMs, ended.signal)])
    this.#handlersAborted = true
    this.#abortHandlers.abort()
  }

  async #fetchAll(): Promise<ChildShard[] | undefined> {
    const { lease, stream, budget, options, clock, random, pause, events, throttling } = this.#settings
    const { leaseKey: shardId } = lease
    const fetch = stream.subscribe ? fetchByFanOut : fetchShard
    const replies = fetch({
      shardId,
      shard: lease.row,
      stream,
      budget,
      clock,
      random,
      pause,
      from: lease.row.checkpoint,
      startAt: lease.row.startAt,
      recordsPerFetch: options.recordsPerFetch,
      idleIntervalMs: options.idleIntervalMs,
      signal: this.#stopFetching.signal,
      onFault: (operation, error) => events.emit('fault', { operation, shardId, error }),
      onThrottled: () => throttling.count(shardId),
    })
    for (let next = await replies.next(); ; next = await replies.next()) {
      if (next.done) return next.value
      const { records, millisBehindLatest } = next.value
      this.#pace.observe({ done: this.#processor.done, millisBehindLatest }, clock.now())
      await this.#process(records)
      if (records.length === 0) continue
      const bytes = records.reduce((sum, record) => sum + record.data.byteLength, 0)
      events.emit('recordsFetched', { shardId, records: records.length, bytes, millisBehindLatest })
    }
  }

  /**
   * Passes the records on, with aggregated records unpacked. The first portion is in memory already. Further portions
   * are created no faster than the byte budget has room.
   */
  async #process(records: readonly ConsumerRecord[]): Promise<void> {
    let isFirst = true
    for (const portion of unpack(records, this.#unpackSettings)) {
      if (!isFirst) await this.#settings.budget.room(this.#stopFetching.signal)
      isFirst = false
      if (this.#stopFetching.signal.aborted) return
      this.#processor.add(portion)
    }
  }

  /** Ends the shard after its last record was fetched: once every record is done, the children may start. */
  async #finish(children: readonly ChildShard[]): Promise<void> {
    const { lease, clock, options, events, createChildLeases } = this.#settings
    const { leaseKey: shardId } = lease
    const childShardIds = children.map(child => child.shardId)
    await Promise.race([this.#processor.whenDrained(), whenAborted(this.#stopFetching.signal)])
    while (!this.#stopFetching.signal.aborted) {
      try {
        await createChildLeases(children)
        await lease.end(childShardIds)
      } catch (error) {
        if (error instanceof LeaseLostError) break
        events.emit('fault', { operation: 'end of shard', shardId, error })
        await clock.sleep(options.processing.retry.firstMs, this.#stopFetching.signal)
      }
    }
    // If the reply was lost, a renewal may have found the end in the row.
    if (lease.lossReason === 'shard ended') events.emit('shardEnded', { shardId, childShardIds })
  }

  /** Writes the progress to the lease table. Calls during a write share the next one, so that writes do not queue up. */
  #writeProgress(): Promise<void> {
    this.#nextWrite ??= this.#writeAfter(this.#lastWrite)
    return this.#nextWrite
  }

  async #writeAfter(before: Promise<void>): Promise<void> {
    await before.catch(() => undefined) // Its own callers see the rejection.
    this.#lastWrite = this.#nextWrite ?? this.#lastWrite
    this.#nextWrite = undefined
    const { lease } = this.#settings
    lease.signal.throwIfAborted()
    if (compareCheckpoints(this.progress, lease.row.checkpoint) > 0) await lease.heartbeat(this.progress)
  }

  #abandon(): void {
    this.#stopFetching.abort()
    this.#handlersAborted = true
    this.#abortHandlers.abort(this.#settings.lease.signal.reason)
    this.#settings.budget.close()
    void this.#processor.close()
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
