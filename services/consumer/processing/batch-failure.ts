import { ConsumerError } from '../errors.ts'

/** A record of a batch that failed. A record as the handler got it is one. */
export interface FailedRecord {
  readonly sequenceNumber: string
  /** Left out, every record of an aggregate counts as failed. */
  readonly subSequenceNumber?: number
  /** Why, for the class of the failure and for the dead letter. Left out, the BatchFailure itself. */
  readonly error?: unknown
}

/**
 * Thrown by a batch handler to say that some records of the batch failed and all others are done. One that names no record,
 * or a record that is not in the batch, counts as the failure of all of them.
 */
export class BatchFailure extends ConsumerError {
  readonly code = 'CONSUMER_BATCH_FAILURE'
  readonly failed: readonly FailedRecord[]

  /** @param failed the records that failed, or their sequence numbers */
  constructor(failed: Iterable<FailedRecord | string>, options?: { cause?: unknown }) {
    const records = [...failed].map(one => (typeof one === 'string' ? { sequenceNumber: one } : one))
    super(`${records.length} records of the batch failed.`, options)
    this.failed = Object.freeze(records)
  }
}
