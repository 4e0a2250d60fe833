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
const RECORD_OVERHEAD = 256

export interface RecordContext {
  /** Fires when the lease is lost or the worker can wait no longer. What the handler does after it may be done twice. */
  readonly signal: AbortSignal
  /** 1 for the first try of this record by this worker. */
  readonly attempt: number
}

/**
 * Handles one record. The record counts as done when the promise resolves; when it rejects, the record is tried again after
 * a backoff, and the records of its partition key wait for it. Records may come more than once: make the effect idempotent.
 */
export type RecordHandler = (record: ConsumerRecord, context: RecordContext) => Promise<void>
