import type { BackoffSettings } from './backoff.ts'
import type { ErrorClass } from './classify.ts'

/** How a failed record is tried again, and when no more. */
export interface RetryPolicy extends BackoffSettings {
  /** Tries of one record that count, before it goes to the dead letters. Infinity for no bound. */
  readonly maxAttempts: number
  /** Milliseconds since the record arrived in Kinesis after which a failed one is not tried again. Infinity for no bound. */
  readonly maxAgeMs: number
  classify(error: unknown): ErrorClass
}

/** Why a record went to the dead letters. */
export type GiveUpReason = 'given up' | 'too many attempts' | 'too old'

export interface Failure {
  readonly errorClass: ErrorClass
  /** Tries that counted, this one included if it did. */
  readonly attempts: number
  /** Milliseconds since the record arrived. */
  readonly ageMs: number
}

/**
 * Whether a record that has just failed is given up, and why; undefined where it is tried again. A record whose dependency
 * failed never is, however old it has become by that: after an outage every record is old, and none is poison for it.
 */
export function whyGiveUp(
  { errorClass, attempts, ageMs }: Failure,
  { maxAttempts, maxAgeMs }: Pick<RetryPolicy, 'maxAttempts' | 'maxAgeMs'>,
): GiveUpReason | undefined {
  if (errorClass === 'dependency') return undefined
  if (errorClass === 'give up') return 'given up'
  if (attempts >= maxAttempts) return 'too many attempts'
  return ageMs >= maxAgeMs ? 'too old' : undefined
}
