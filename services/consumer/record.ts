/** A record of a shard. */
export interface RawRecord {
  /** The data of the record. Inside an aggregated record, the part that belongs to this record. */
  readonly data: Uint8Array
  /**
   * The partition key that the producer set. Undefined if the producer set none, which only streams with the record
   * distribution strategy AUTO accept. Records without a key have no order among each other.
   */
  readonly partitionKey: string | undefined
  /** The hash key that the producer set, in decimal digits. Known only for records inside an aggregated record. */
  readonly explicitHashKey?: string
  /** Decimal digits. Compare sequence numbers with `compareSequence`, never as strings. */
  readonly sequenceNumber: string
  /** Index of the record inside an aggregated record; 0 in a plain record. */
  readonly subSequenceNumber: number
  /** The shard id. */
  readonly shardId: string
  /** Time at which Kinesis received the record, by the clock of Kinesis. */
  readonly arrivedAt: Date
}

/**
 * A record of a shard, as passed to a handler. With the option `decode`, it has a `value` of the type that `decode`
 * returns.
 */
export type ConsumerRecord<T = undefined> = RawRecord & RecordValue<T>

/** The first condition is true only for `any`, which a decoder of JSON often returns. */
type RecordValue<T> = 0 extends 1 & T ? HasValue<T> : [T] extends [undefined] ? unknown : HasValue<T>

interface HasValue<T> {
  /** What `decode` returned for the record. */
  readonly value: T
}

/** Returns how many bytes of the byte budget a record takes: its data and an estimate of its overhead. */
export function bytesInMemory({ data }: ConsumerRecord): number {
  return data.byteLength + RECORD_OVERHEAD
}

/**
 * Overhead of a record in memory, in bytes, as measured by the heap of a worker with 50,000 records. Without it, any number
 * of tiny or empty records would fit into the budget.
 */
export const RECORD_OVERHEAD = 768

/** The context of a call of a handler: its abort signal, and the state of its record and shard. */
export interface RecordContext {
  /**
   * Fires when the lease is lost, when the drain timeout of a stop is over, or after `handlerTimeoutMs`. Anything the
   * handler does after that may be done twice. The signal is created on first access, so read it from the context
   * itself: `{ ...context }` has no signal. Read it again before each attempt of your own: reading it checks the clock,
   * while a signal that was read before fires late if the event loop is blocked or the process is suspended.
   */
  readonly signal: AbortSignal
  /** 1 for the first attempt of this worker at the record. */
  readonly attempt: number
  /** The shard id. */
  readonly shardId: string
  /**
   * Grows with every change of the owner of a shard, and never shrinks. A store that rejects writes with a lower token
   * than the highest one it has seen for the shard is safe from a worker that does not know yet that it has lost the
   * lease.
   */
  readonly fencingToken: number
  /**
   * Time at which this worker took the shard from a worker that did not release it. Set for a minute after that, or for
   * the failover time if that is longer. A record with an earlier `arrivedAt` may have been in flight on the other
   * worker, and may have killed it.
   */
  readonly takenOverAt?: Date | undefined
  /**
   * Writes the progress of the shard to the lease table now, instead of with the next renewal of the lease. The progress
   * is the last record before which every record is done. A record is done when its handler resolves, so a checkpoint
   * from a handler never includes its own record. Resolves when the progress is in the table. Calls during a write share
   * the next one. Each write costs a write of DynamoDB, so do not call it for every record.
   *
   * @throws LeaseLostError, or the error of DynamoDB. The progress is then written with the next renewal
   */
  checkpoint(): Promise<void>
  /**
   * Gives up the place of this record, so that another record of the shard starts while this handler continues. The
   * record no longer counts against `concurrency`. Call it before a long wait, or when a record turns out to be slow.
   * Everything else stays the same: the checkpoint and the later records of the partition key wait for the record, and
   * `handlerTimeoutMs`, retries and stops work as before. A retry gets a place again. Further calls have no effect.
   *
   * @returns true if the record is now without a place; false if `maxYielded` records of this worker already are, if
   *   the worker is stopping, or if the call of the handler has ended
   */
  yieldPlace(): boolean
}

/** The context of a batch. `attempt` is the highest attempt of any record in it. A batch cannot give up its place. */
export type BatchContext = Omit<RecordContext, 'yieldPlace'>

/**
 * Handles one record. The record is done when the promise resolves, or when a handler that returns no promise returns.
 * When the handler rejects or throws, the record is retried after a backoff, and later records of its partition key
 * wait. A record may be delivered more than once: make the handler idempotent.
 */
export type RecordHandler<T = undefined> = (record: ConsumerRecord<T>, context: RecordContext) => Promise<void> | void

/**
 * Handles records of one shard, in the order of the shard. All of them are done when the promise resolves. If it
 * rejects with a BatchFailure, the records named in it are retried and the others are done. After any other rejection
 * the batch is retried in halves, and the halves in halves, until the failing records are alone.
 */
export type BatchHandler<T = undefined> = (
  records: ReadonlyArray<ConsumerRecord<T>>,
  context: BatchContext,
) => Promise<void>
