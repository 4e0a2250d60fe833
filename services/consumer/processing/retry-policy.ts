import type { BackoffSettings } from './backoff.ts'
import type { ErrorClass } from './classify.ts'

/** How a failed record is retried, and when it is given up. */
export interface RetryPolicy extends BackoffSettings {
  /** Maximum number of attempts that count, after which the record becomes a dead letter. Infinity for no limit. */
  readonly maxAttempts: number
  /**
   * Maximum age of a failed record in milliseconds since it arrived in Kinesis. An older one is not retried. Infinity
   * for no limit.
   */
  readonly maxAgeMs: number
  classify(error: unknown): ErrorClass
}

/** Why a record is no longer retried. */
export type GiveUpReason = 'given up' | 'too many attempts' | 'too old'

export interface Failure {
  readonly errorClass: ErrorClass
  /** Number of attempts that counted, including this one if it did. */
  readonly attempts: number
  /** Milliseconds since the record arrived. */
  readonly ageMs: number
}

/**
 * Returns why a record that has just failed is given up, or undefined if it is retried. A record is never given up
 * because of a dependency, whatever its age: after an outage every record is old, and none of them is to blame.
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
