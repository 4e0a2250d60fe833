import { type Checkpoint, compareCheckpoints, isSequence } from '../checkpoint.ts'
import type { Clock, Random } from '../clock.ts'
import type { BudgetAccount } from '../fetching/byte-budget.ts'
import { bytesInMemory, type ConsumerRecord, type RecordHandler } from '../record.ts'
import { type BackoffSettings, backoffMs } from './backoff.ts'
import { type LaneOutcome, Lanes } from './lanes.ts'
import { type Ticket, Watermark } from './watermark.ts'

export interface ShardProcessorSettings {
  handler: RecordHandler
  /** Where the shard is done up to; records up to there are dropped. */
  from: Checkpoint
  concurrency: number
  retry: BackoffSettings
  budget: BudgetAccount
  clock: Clock
  random: Random
  /** Whether work may start: false once the lease is not this worker's any more. */
  mayStart(): boolean
  /** Fires when handlers should give up. */
  signal: AbortSignal
  onFailure(record: ConsumerRecord, failure: { attempt: number; retryInMs: number; error: unknown }): void
}

interface Job {
  readonly record: ConsumerRecord
  readonly ticket: Ticket
  attempts: number
}

/** Hands the records of one shard to the handler, in lanes by partition key, and knows how far the shard is done. */
export class ShardProcessor {
  readonly #settings: ShardProcessorSettings
  readonly #watermark: Watermark
  readonly #lanes: Lanes<Job>
  #drained = Promise.withResolvers<void>()

  constructor(settings: ShardProcessorSettings) {
    this.#settings = settings
    this.#watermark = new Watermark(settings.from)
    this.#lanes = new Lanes(settings.concurrency, job => this.#run(job))
  }

  /** Everything up to here is done. */
  get progress(): Checkpoint {
    return this.#watermark.reached
  }

  get pending(): number {
    return this.#watermark.pending
  }

  add(records: readonly ConsumerRecord[]): void {
    const { budget, from } = this.#settings
    for (const record of records) {
      const { sequenceNumber, subSequenceNumber } = record
      const checkpoint = { sequenceNumber, subSequenceNumber }
      if (isSequence(from) && compareCheckpoints(checkpoint, from) <= 0) continue
      budget.add(bytesInMemory(record))
      const ticket = this.#watermark.open(checkpoint)
      this.#lanes.add(record.partitionKey, { record, ticket, attempts: 0 })
    }
  }

  /** Resolves when every record that was added is done. */
  async whenDrained(): Promise<void> {
    while (this.#watermark.pending > 0) await this.#drained.promise
  }

  /** Starts no more records. Resolves when the handlers that run have come to an end. */
  close(): Promise<void> {
    return this.#lanes.close()
  }

  async #run(job: Job): Promise<LaneOutcome> {
    const { handler, signal, mayStart, retry, clock, random, onFailure } = this.#settings
    // Asked again for every record: a lease can run out while the event loop stands still, before any timer tells.
    if (signal.aborted || !mayStart()) return 'stopped'
    const attempt = ++job.attempts
    try {
      await handler(job.record, { signal, attempt })
    } catch (error) {
      if (signal.aborted) return 'stopped'
      const retryInMs = backoffMs(retry, attempt, random)
      onFailure(job.record, { attempt, retryInMs, error })
      return { later: clock.sleep(retryInMs, signal) }
    }
    this.#settle(job)
    return 'done'
  }

  #settle(job: Job): void {
    this.#settings.budget.free(bytesInMemory(job.record))
    this.#watermark.settle(job.ticket)
    if (this.#watermark.pending > 0) return
    this.#drained.resolve()
    this.#drained = Promise.withResolvers<void>()
  }
}
