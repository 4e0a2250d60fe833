import { createRangeCheck } from './aggregation/range-check.ts'
import { type UnpackSettings, unpack } from './aggregation/unpack.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { Clock, Random } from './clock.ts'
import { LeaseLostError } from './errors.ts'
import type { BudgetAccount } from './fetching/byte-budget.ts'
import { fetchByFanOut } from './fetching/fan-out.ts'
import { fetchShard } from './fetching/fetch-shard.ts'
import type { HeldLease } from './leases/held-lease.ts'
import type { Counters } from './metrics/counters.ts'
import type { ConsumerEmitter } from './metrics/emitter.ts'
import { ShardPace } from './metrics/shard-pace.ts'
import type { ResolvedOptions } from './options.ts'
import type { CircuitBreaker } from './processing/breaker.ts'
import { ShardProcessor } from './processing/shard-processor.ts'
import type { YieldLimit } from './processing/yield-limit.ts'
import type { ConsumerRecord } from './record.ts'
import type { ChildShard } from './shards/shard.ts'
import type { StreamReader } from './stream.ts'

export interface ShardConsumerSettings {
  lease: HeldLease
  /** Whether the owner before had given the lease up, or there was none. */
  wasReleased: boolean
  stream: StreamReader
  budget: BudgetAccount
  options: ResolvedOptions
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
  random: Random
  breaker: CircuitBreaker
  counters: Counters
  yields: YieldLimit
  events: ConsumerEmitter
  /** Makes the leases of a shard's children. Resolves when all of them exist. */
  createChildLeases(children: readonly ChildShard[]): Promise<void>
}

/** How long handlers are told of a take-over at least: long enough for a worker that dies of a record to come to it. */
const TAKEOVER_MS = 60_000

/** Reads one shard for as long as its lease is held: fetches, processes, and writes the shard's end. */
export class ShardConsumer {
  readonly #settings: ShardConsumerSettings
  readonly #processor: ShardProcessor
  /** Ends the fetching: the lease is gone, or the worker stops. */
  readonly #stopFetching = new AbortController()
  /** Tells handlers to give up: the lease is gone, or the worker can wait no longer. */
  readonly #abortHandlers = new AbortController()
  #handlersAborted = false
  readonly #unpackSettings: UnpackSettings
  /** Grows with every write of the lease: whoever takes it later has a greater one. */
  readonly #fencingToken: number
  readonly #pace = new ShardPace()

  constructor(settings: ShardConsumerSettings) {
    this.#settings = settings
    const { lease, budget, options, counters, yields, clock, wallClock, random, breaker, events } = settings
    const { leaseKey: shardId } = lease
    this.#fencingToken = lease.row.leaseCounter
    this.#processor = new ShardProcessor({
      shard: {
        ...{ shardId, fencingToken: this.#fencingToken, clock, wallClock, random, breaker, events },
        takeover: settings.wasReleased
          ? undefined
          : { at: new Date(wallClock()), until: clock.now() + Math.max(TAKEOVER_MS, options.failoverMs) },
        mayStart: now => !this.#handlersAborted && lease.isValid(now),
        signal: this.#abortHandlers.signal,
      },
      ...{ options: options.processing, from: lease.row.checkpoint, budget, counters, yields },
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

  /** Records fetched and not yet behind the watermark. */
  get pending(): number {
    return this.#processor.pending
  }

  get fencingToken(): number {
    return this.#fencingToken
  }

  get bufferedBytes(): number {
    return this.#settings.budget.used
  }

  /** How fast the shard is read and done, and how far behind it is. */
  get pace(): ShardPace {
    return this.#pace
  }

  /** Reads until the shard ends, the lease is lost or `drain` is called. */
  async run(): Promise<void> {
    const children = await this.#fetchAll()
    if (children) await this.#finish(children)
  }

  /**
   * Fetches no more, starts no more records, and waits for the handlers that run; after `timeoutMs` they are told to give
   * up and waited for no longer. What is done by then is `progress`.
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
    const { lease, stream, budget, options, clock, random, events } = this.#settings
    const { leaseKey: shardId } = lease
    const fetch = stream.subscribe ? fetchByFanOut : fetchShard
    const replies = fetch({
      ...{ shardId, shard: lease.row, stream, budget, clock, random },
      from: lease.row.checkpoint,
      startAt: lease.row.startAt,
      recordsPerFetch: options.recordsPerFetch,
      idleIntervalMs: options.idleIntervalMs,
      signal: this.#stopFetching.signal,
      onFault: (operation, error) => events.emit('fault', { operation, shardId, error }),
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

  /** Hands the records on, those inside aggregated ones one by one, and no faster than there is room for them. */
  async #process(records: readonly ConsumerRecord[]): Promise<void> {
    for (const portion of unpack(records, this.#unpackSettings)) {
      await this.#settings.budget.room(this.#stopFetching.signal)
      if (this.#stopFetching.signal.aborted) return
      this.#processor.add(portion)
    }
  }

  /** The shard is read to its end: once every record is done its children may start. */
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
    // Where the reply was lost, a renewal may have found the end in the row.
    if (lease.lossReason === 'shard ended') events.emit('shardEnded', { shardId, childShardIds })
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
