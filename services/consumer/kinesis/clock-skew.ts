import type { KinesisClient } from '@aws-sdk/client-kinesis'

/** What a service says of a signature whose time is not near its own. */
const SKEW_ERRORS = new Set([
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'RequestExpired',
  'RequestInTheFuture',
  'RequestTimeTooSkewed',
  'AuthFailure',
])

/** A signature holds for 5 minutes around its time: less than this does not explain a refusal. As in the SDK. */
const MIN_SKEW_MS = 240_000

/**
 * Sets the client's clock by the one of the service, where a refusal is due to the two being apart, as the SDK does.
 *
 * @returns whether it did: then the call is worth another try
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
