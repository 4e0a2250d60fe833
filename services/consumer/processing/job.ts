import type { ConsumerRecord } from '../record.ts'
import type { RecordFailure } from './dead-letter.ts'
import type { Ticket } from './watermark.ts'

/** A record on its way through its shard's processor, and its place in the shard's order. */
export interface Job extends Ticket {
  readonly record: ConsumerRecord
  /** Calls of the handler that it was part of. */
  tries: number
  /** Tries that count towards `maxAttempts`: its own failures, not those of a dependency or of another in its batch. */
  attempts: number
  /** Failures one after the other, of whatever class: what the backoff grows by. */
  failures: number
  /** Set once it is to be a dead letter. */
  finalFailure: RecordFailure | undefined
  /** Failures of the dead-letter port. */
  deadLetterFailures: number
}

export function newJob(record: ConsumerRecord): Job {
  return { record, settled: false, tries: 0, attempts: 0, failures: 0, finalFailure: undefined, deadLetterFailures: 0 }
}
