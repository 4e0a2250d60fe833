/** A record of a shard, as a handler gets it. */
export interface ConsumerRecord {
  readonly data: Uint8Array
  readonly partitionKey: string
  /** The hash key its producer gave, in decimal digits. Known of records inside an aggregated one alone. */
  readonly explicitHashKey?: string
  /** Decimal digits. Compare it by `compareSequence`, never as a string. */
  readonly sequenceNumber: string
  /** The place inside an aggregated record, 0 in a plain one. */
  readonly subSequenceNumber: number
  readonly shardId: string
  /** When Kinesis took the record, by Kinesis's clock. */
  readonly arrivedAt: Date
}

/** What a record takes of the byte budget: its data, and about what goes with it while it waits. */
export function bytesInMemory({ data }: ConsumerRecord): number {
  return data.byteLength + RECORD_OVERHEAD
}

/** Without it a stream of tiny or empty records would never fill the budget, however many wait. */
export const RECORD_OVERHEAD = 256

export interface RecordContext {
  /**
   * Fires when the lease is lost, the worker can wait no longer, or `handlerTimeoutMs` is over. What the handler does after
   * it may be done twice. Made when it is asked for: take it from the context itself, a copy by spreading has none.
   */
  readonly signal: AbortSignal
  /** 1 for the first try of this record by this worker. */
  readonly attempt: number
  readonly shardId: string
  /**
   * Grows with every change of a shard's owner, and never shrinks: a store that refuses a write with a lower token than it
   * has seen of the shard keeps out a worker that does not know yet that it has lost the lease.
   */
  readonly fencingToken: number
  /**
   * When this worker took the shard from one that had not given it up, for the first minute after that, or the failover time where
   * that is longer. A record that came before, by its `arrivedAt`, may have been under way there, and may be what that worker died of.
   */
  readonly takenOverAt?: Date | undefined
  /**
   * Gives this record's place back, so that another record of the shard starts while this handler goes on: it no longer counts
   * against `concurrency`. Call it before a wait, or when a record turns out to be slow. Everything else stays as it is: the
   * checkpoint waits for the record, its partition key too, and `handlerTimeoutMs`, retries and a stop are the same. A retry
   * has a place again. Calling it again changes nothing.
   *
   * @returns whether the record is without a place now: false when `maxYielded` records of this worker are, when the worker
   *   stops, and when the call of the handler has ended
   */
  yieldPlace(): boolean
}

/** As of a record; `attempt` is the most that any record of the batch has come to. A batch keeps its place. */
export type BatchContext = Omit<RecordContext, 'yieldPlace'>

/**
 * Handles one record. The record counts as done when the promise resolves, or when the handler returns without one; when it
 * rejects or throws, the record is tried again after a backoff, and the records of its partition key wait for it. Records may
 * come more than once: make the effect idempotent.
 */
export type RecordHandler = (record: ConsumerRecord, context: RecordContext) => Promise<void> | void

/**
 * Handles records of one shard, in its order. All count as done when the promise resolves. When it rejects with a
 * BatchFailure, those it names are tried again and the others count as done; when it rejects with anything else, the batch
 * is tried again in halves, and the halves in halves, until the records that fail are on their own.
 */
export type BatchHandler = (records: readonly ConsumerRecord[], context: BatchContext) => Promise<void>
