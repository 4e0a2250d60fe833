import type { ConsumerRecord } from '../record.ts'
import type { GiveUpReason } from './retry-policy.ts'

/** Why a record became a dead letter. */
export interface RecordFailure {
  /** The error of the last attempt. */
  readonly error: unknown
  /** Number of attempts that counted. */
  readonly attempts: number
  /** The limit or the error class that ended the retries. */
  readonly reason: GiveUpReason
}

/** The context of a call of the dead-letter port: its abort signal and the fencing token of the shard. */
export interface DeadLetterContext {
  /** Fires when the lease is lost, when the drain timeout of a stop is over, or after `handlerTimeoutMs`. */
  readonly signal: AbortSignal
  /** As in the context of a handler: it grows with every change of the owner of the shard. */
  readonly fencingToken: number
}

/**
 * Stores a record that is no longer retried. The checkpoint passes the record once the promise resolves. When it rejects, the
 * port is called again with backoff, without limit. The same record may be passed more than once.
 */
export type DeadLetterPort = (
  record: ConsumerRecord,
  failure: RecordFailure,
  context: DeadLetterContext,
) => Promise<void>
