import type { ConsumerRecord } from '../record.ts'
import type { RecordFailure } from './dead-letter.ts'
import type { Ticket } from './watermark.ts'

/** A record in flight in its shard's processor, and its place in the order of the shard. */
export interface Job extends Ticket {
  readonly record: ConsumerRecord
  /** Number of handler calls that included this record. */
  tries: number
  /**
   * Number of attempts that count towards `maxAttempts`: failures of the record itself, not of a dependency or of
   * another record in its batch.
   */
  attempts: number
  /** Number of failures in a row, of any class. The backoff grows with it. */
  failures: number
  /** Set once the record is given up. */
  finalFailure: RecordFailure | undefined
  /** Number of failures of the dead-letter port for this record. */
  deadLetterFailures: number
}

export function newJob(record: ConsumerRecord): Job {
  return { record, settled: false, tries: 0, attempts: 0, failures: 0, finalFailure: undefined, deadLetterFailures: 0 }
}
