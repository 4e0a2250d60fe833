/**
 * What a failure means for the record:
 *
 * - `retry`: the next attempt may succeed. The attempt counts.
 * - `give up`: no attempt can succeed. The record becomes a dead letter at once.
 * - `dependency`: something that every record needs has failed. The attempt does not count.
 */
export type ErrorClass = 'retry' | 'give up' | 'dependency'

export const ERROR_CLASSES: ReadonlySet<unknown> = new Set<ErrorClass>(['retry', 'give up', 'dependency'])

/** Names of errors of AWS services and HTTP clients. */
const DEPENDENCY_NAMES = new Set([
  ...['ThrottlingException', 'ThrottledException', 'Throttling', 'TooManyRequestsException', 'RequestThrottled'],
  ...['ProvisionedThroughputExceededException', 'RequestLimitExceeded', 'LimitExceededException', 'SlowDown'],
  ...['BandwidthLimitExceeded', 'KMSThrottlingException', 'RequestThrottledException', 'EC2ThrottledException'],
  ...['TransactionInProgressException', 'PriorRequestNotComplete', 'ServiceUnavailable', 'ServiceUnavailableException'],
  ...['InternalError', 'InternalFailure', 'InternalServerError', 'InternalServerException', 'BusyException'],
  ...['RequestTimeout', 'RequestTimeoutException', 'TimeoutError', 'NetworkingError', 'NetworkError'],
  ...['CredentialsProviderError', 'ExpiredToken', 'ExpiredTokenException'],
])

/** Codes of network errors. */
const DEPENDENCY_CODES = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENETRESET', 'EADDRNOTAVAIL', 'EMFILE', 'ENFILE'],
  ...['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_SOCKET'],
])

/** Status codes for throttling, server errors, and 408, which means that the server stopped waiting. */
const isDependencyStatus = (status: number) => status === 408 || status === 429 || status >= 500

/** Maximum length of a chain of causes. */
const MAX_DEPTH = 8

/**
 * Returns the class of an error when the options have no `classify`: `dependency` for throttling, server errors and
 * network errors, including those in its causes, and `retry` for everything else. Never `give up`, because only the
 * author of the handler knows that a failure is final.
 */
export function classifyError(error: unknown): ErrorClass {
  let current = error
  for (let depth = 0; depth < MAX_DEPTH && typeof current === 'object' && current !== null; depth++) {
    if (isDependencyError(current)) return 'dependency'
    current = Reflect.get(current, 'cause')
  }
  return 'retry'
}

function isDependencyError(error: object): boolean {
  const name: unknown = Reflect.get(error, 'name')
  if (typeof name === 'string' && DEPENDENCY_NAMES.has(name)) return true
  const code: unknown = Reflect.get(error, 'code')
  if (typeof code === 'string' && (DEPENDENCY_CODES.has(code) || DEPENDENCY_NAMES.has(code))) return true
  if (isObject(Reflect.get(error, '$retryable'))) return true // The AWS SDK marks throttled and transient errors.
  return statusesOf(error).some(isDependencyStatus)
}

/** Returns the HTTP status codes of an error, from the fields that AWS clients, fetch wrappers and Fastify use. */
function statusesOf(error: object): number[] {
  const metadata: unknown = Reflect.get(error, '$metadata')
  const places = [
    isObject(metadata) ? Reflect.get(metadata, 'httpStatusCode') : undefined,
    Reflect.get(error, 'statusCode'),
    Reflect.get(error, 'status'),
  ]
  return places.filter(status => typeof status === 'number')
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
