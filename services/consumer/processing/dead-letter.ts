import type { ConsumerRecord } from '../record.ts'
import type { GiveUpReason } from './retry-policy.ts'

/** Why a record became a dead letter. */
export interface RecordFailure {
  /** The error of the last attempt. */
  readonly error: unknown
  /** Number of attempts that counted. */
  readonly attempts: number
  readonly reason: GiveUpReason
}

export interface DeadLetterContext {
  /** Fires when the lease is lost, when the drain timeout of a stop is over, or after `handlerTimeoutMs`. */
  readonly signal: AbortSignal
  readonly fencingToken: number
}

/**
 * Stores a record that was given up. The checkpoint passes the record once the promise resolves. When it rejects, the
 * port is called again with backoff, without limit. The same record may be passed more than once.
 */
export type DeadLetterPort = (
  record: ConsumerRecord,
  failure: RecordFailure,
  context: DeadLetterContext,
) => Promise<void>
