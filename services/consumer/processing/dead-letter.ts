import type { ConsumerRecord } from '../record.ts'
import type { GiveUpReason } from './retry-policy.ts'

/** Why a record is a dead letter. */
export interface RecordFailure {
  /** What its last try threw. */
  readonly error: unknown
  /** Tries that counted. */
  readonly attempts: number
  readonly reason: GiveUpReason
}

export interface DeadLetterContext {
  /** Fires when the lease is lost, the worker can wait no longer, or `handlerTimeoutMs` is over. */
  readonly signal: AbortSignal
  readonly fencingToken: number
}

/**
 * Stores a record that was given up, whole. The checkpoint passes the record once the promise has resolved; when it rejects,
 * the port is asked again with backoff, for as long as it takes. Records may come more than once here too.
 */
export type DeadLetterPort = (
  record: ConsumerRecord,
  failure: RecordFailure,
  context: DeadLetterContext,
) => Promise<void>
