import { ClientGoneError, DeadlineError } from '../../platform/deadline.ts'
import { PagesError } from '../../platform/pages.ts'

/** How Node names a connection that was not made or did not last. */
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

/** What AWS's services say where there is too much to do, some of them with status 400, and the client of a dead connection. */
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
 * Whether an error of the AWS SDK is one that time heals: unreachable, overloaded, failing by itself or listing without an end. A missing bucket or
 * a refused permission is not.
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
