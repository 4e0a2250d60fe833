import { ClientGoneError, DeadlineError } from '../../platform/deadline.ts'
import { PagesError } from '../../platform/pages.ts'

/** Node's error codes for connections that failed or were interrupted. */
const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/** The names of AWS's throttling errors, some of which have status 400, and of the SDK's timeouts. */
const throttlingNames = new Set([
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestThrottled',
  'RequestLimitExceeded',
  'ProvisionedThroughputExceededException',
  'SlowDown',
  'TimeoutError',
  'RequestTimeout',
])

/**
 * True if an error of the AWS SDK is temporary: the service is unreachable, overloaded or failing, or its listing does not end.
 * A missing bucket or permission is not temporary.
 */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof PagesError || error instanceof DeadlineError || error instanceof ClientGoneError) return true
  if (throttlingNames.has(error.name)) return true
  if ('code' in error && typeof error.code === 'string' && connectionCodes.has(error.code)) return true
  const status = httpStatus(error)
  return status !== undefined && (status >= 500 || status === 429)
}

function httpStatus(error: Error): number | undefined {
  if (!('$metadata' in error)) return undefined
  const metadata = error.$metadata
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined
}
