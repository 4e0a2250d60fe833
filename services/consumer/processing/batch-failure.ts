import { ConsumerError } from '../errors.ts'

/** A failed record of a batch. A record that the handler received has these properties. */
export interface FailedRecord {
  /** The sequence number of the record. */
  readonly sequenceNumber: string
  /** If omitted, every record of the aggregate counts as failed. */
  readonly subSequenceNumber?: number
  /** The error of this record, used for its error class and its dead letter. Default: the BatchFailure itself. */
  readonly error?: unknown
}

/**
 * Thrown by a batch handler when some records of the batch failed and all others are done. A BatchFailure that names no
 * record, or a record that is not in the batch, counts as a failure of all records.
 */
export class BatchFailure extends ConsumerError {
  readonly code = 'CONSUMER_BATCH_FAILURE'
  /** The failed records. Empty if none was named. */
  readonly failed: readonly FailedRecord[]

  /** @param failed the records that failed, or their sequence numbers */
  constructor(failed: Iterable<FailedRecord | string>, options?: { cause?: unknown }) {
    const records = [...failed].map(one => (typeof one === 'string' ? { sequenceNumber: one } : one))
    super(`${records.length} records of the batch failed.`, options)
    this.failed = Object.freeze(records)
  }
}
