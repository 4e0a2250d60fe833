import { type Checkpoint, compareCheckpoints, isSequence } from '../checkpoint.ts'
import type { BudgetAccount } from '../fetching/budget-account.ts'
import type { RecordQueue } from '../iteration/record-queue.ts'
import type { Counters } from '../metrics/counters.ts'
import { bytesInMemory, type ConsumerRecord, RECORD_OVERHEAD } from '../record.ts'
import { BatchLanes } from './batch-lanes.ts'
import { BatchRunner } from './batch-runner.ts'
import { CallLimit } from './call-limit.ts'
import { FailureHandler } from './failure-handler.ts'
import { createFairnessKeyOf } from './fairness-key.ts'
import { type Job, newJob } from './job.ts'
import { NO_KEY } from './lane-of.ts'
import { type Fairness, Lanes } from './lanes.ts'
import type { ResolvedProcessing } from './processing-options.ts'
import { RecordListeners } from './record-listeners.ts'
import { RecordRunner } from './record-runner.ts'
import type { ShardContext } from './shard-context.ts'
import { Watermark } from './watermark.ts'
import type { YieldLimit } from './yield-limit.ts'

export interface ShardProcessorSettings {
  shard: ShardContext
  options: ResolvedProcessing
  /** The checkpoint of the shard. Records up to it are dropped. */
  from: Checkpoint
  budget: BudgetAccount
  /** Shared by the shards of the worker. */
  counters: Counters
  /** Shared by the shards of the worker. */
  yields: YieldLimit
  /** The records that wait for the iterator of the worker. */
  queue: RecordQueue
}

/** Where jobs wait to run. */
interface Dispatcher {
  /** @param key the partition key, or `NO_KEY` */
  add(key: string, job: Job): void
  /** No further jobs will be added. */
  flush?(): void
  close(): Promise<void>
}

/** Passes the records of one shard to the handler, in lanes by partition key, and tracks the progress of the shard. */
export class ShardProcessor {
  readonly #settings: ShardProcessorSettings
  readonly #watermark: Watermark
  readonly #lanes: Dispatcher
  readonly #closing = new AbortController()
  #drained: PromiseWithResolvers<void> | undefined
  #done = 0
  /** Monotonic time since which records wait without progress, as far as it was observed. */
  #waitingSince = 0
  /** True if the watermark has moved since that time. Set for every record, which must not read the clock. */
  #hasMoved = false
  /** True while further records may be at or before `from`. */
  #mayBeDone: boolean

  constructor(settings: ShardProcessorSettings) {
    this.#settings = settings
    this.#watermark = new Watermark(settings.from)
    this.#mayBeDone = isSequence(settings.from)
    this.#lanes = this.#createLanes()
  }

  /** Every record up to this checkpoint is done. */
  get progress(): Checkpoint {
    return this.#watermark.reached
  }

  get pending(): number {
    return this.#watermark.pending
  }

  /** Number of records done since the start, including dead letters. */
  get done(): number {
    return this.#done
  }

  /**
   * Milliseconds for which records have waited while the watermark did not move, since this was last asked at the
   * earliest; 0 while no record waits.
   *
   * @param now the clock's time
   */
  stalledMs(now: number): number {
    if (this.#watermark.pending === 0) return 0
    if (this.#hasMoved) {
      this.#hasMoved = false
      this.#waitingSince = now
    }
    return now - this.#waitingSince
  }

  /** Measures `stalledMs` from now on, after a pause in which the records waited on purpose. */
  restartStall(): void {
    this.#hasMoved = true
  }

  add(records: readonly ConsumerRecord[]): void {
    if (this.#watermark.pending === 0) {
      this.#waitingSince = this.#settings.shard.clock.now()
      this.#hasMoved = false
    }
    const { budget, from } = this.#settings
    for (const record of records) {
      // Records arrive in order, so all records after the first new one are new.
      if (this.#mayBeDone && compareCheckpoints(record, from) <= 0) continue
      this.#mayBeDone = false
      budget.add(bytesInMemory(record))
      const job = newJob(record)
      this.#watermark.open(job)
      this.#lanes.add(record.partitionKey ?? NO_KEY, job)
    }
  }

  /** No further records will be added. Resolves when every record is done. */
  async whenDrained(): Promise<void> {
    this.#lanes.flush?.()
    while (this.#watermark.pending > 0) {
      this.#drained ??= Promise.withResolvers<void>()
      await this.#drained.promise
    }
  }

  /** Starts no further records. Resolves when the running handlers have ended. */
  close(): Promise<void> {
    this.#closing.abort()
    return this.#lanes.close()
  }

  #createLanes(): Dispatcher {
    const { shard, options, budget, yields, queue } = this.#settings
    const { work, concurrency, retry, deadLetter, handlerTimeoutMs: timeoutMs } = options
    if (work.kind === 'iterated') return queue.open(shard, job => this.#settle(job))
    const { clock, signal } = shard
    const closing = this.#closing.signal
    const calls = new CallLimit({ timeoutMs, clock, signal })
    const failures = new FailureHandler({ shard, retry, deadLetter, calls })
    const settings = { shard, failures, calls, closing, settle: (job: Job) => this.#settle(job) }
    if (work.kind === 'records') {
      const topics = new RecordListeners(shard.events)
      const lanes = new Lanes<Job>({
        concurrency,
        createRunner(ended, yieldPlace) {
          const runner = new RecordRunner(work.handler, { ...settings, topics }, ended, yieldPlace)
          return job => runner.run(job)
        },
        yields,
        fairness: this.#fairness(),
      })
      // Handlers that ignore the signal may run for ever. From now on, nobody waits for them.
      signal.addEventListener('abort', () => lanes.abandon(), { once: true })
      return lanes
    }
    const runner = new BatchRunner(work.handler, settings)
    return new BatchLanes({
      lanes: concurrency,
      limits: work.limits,
      clock,
      closing,
      hasRoom: () => budget.hasRoom(),
      run: batch => runner.run(batch),
    })
  }

  #fairness(): Fairness<Job> | undefined {
    const { shard, options } = this.#settings
    if (!options.fairness) return undefined
    const { keyOf, maxRunningPerKey } = options.fairness
    const safeKeyOf = createFairnessKeyOf(keyOf, shard)
    return { keyOf: job => safeKeyOf(job.record), maxRunningPerKey }
  }

  #settle(job: Job): void {
    const { budget, counters } = this.#settings
    this.#done++
    if (!job.finalFailure) {
      counters.recordsHandled++
      counters.bytesHandled += job.record.data.byteLength
    }
    const passed = this.#watermark.settle(job)
    if (passed > 0) this.#hasMoved = true
    // The overhead of a record is freed only when the watermark passes it. So a record that is never done finally stops
    // the fetching, and not only the watermark.
    budget.free(job.record.data.byteLength + passed * RECORD_OVERHEAD)
    if (this.#watermark.pending > 0 || !this.#drained) return
    this.#drained.resolve()
    this.#drained = undefined
  }
}
