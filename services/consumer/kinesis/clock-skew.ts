import type { KinesisClient } from '@aws-sdk/client-kinesis'

/** Errors of a service for a signature whose time is too far from its own. */
const SKEW_ERRORS = new Set([
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'RequestExpired',
  'RequestInTheFuture',
  'RequestTimeTooSkewed',
  'AuthFailure',
])

/**
 * A signature is valid for 5 minutes around its time, so a smaller skew does not explain the error. The SDK uses the
 * same value.
 */
const MIN_SKEW_MS = 240_000

/**
 * Corrects the clock of the client after an error caused by clock skew, as the SDK does.
 *
 * @returns true if the clock was corrected and the call should be retried
 */
export async function correctClock(
  { config }: Pick<KinesisClient, 'config'>,
  refusal: { name: string; date: string | undefined },
): Promise<boolean> {
  if (!SKEW_ERRORS.has(refusal.name) || (await config.disableClockSkewCorrection())) return false
  const offset = Date.parse(refusal.date ?? '') - Date.now()
  if (Number.isNaN(offset) || Math.abs(offset - config.systemClockOffset) < MIN_SKEW_MS) return false
  config.systemClockOffset = offset
  return true
}
