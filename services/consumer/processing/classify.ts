/**
 * What a failure means for the record that met it:
 *
 * - `retry`: it may go better next time; the try counts.
 * - `give up`: it never will; the record goes to the dead letters at once.
 * - `dependency`: it is not the record that is wrong but something that every record needs; the try does not count.
 */
export type ErrorClass = 'retry' | 'give up' | 'dependency'

export const ERROR_CLASSES: ReadonlySet<unknown> = new Set<ErrorClass>(['retry', 'give up', 'dependency'])

/** Errors of AWS services and of HTTP clients, by their name. */
const DEPENDENCY_NAMES = new Set([
  ...['ThrottlingException', 'ThrottledException', 'Throttling', 'TooManyRequestsException', 'RequestThrottled'],
  ...['ProvisionedThroughputExceededException', 'RequestLimitExceeded', 'LimitExceededException', 'SlowDown'],
  ...['BandwidthLimitExceeded', 'KMSThrottlingException', 'RequestThrottledException', 'EC2ThrottledException'],
  ...['TransactionInProgressException', 'PriorRequestNotComplete', 'ServiceUnavailable', 'ServiceUnavailableException'],
  ...['InternalError', 'InternalFailure', 'InternalServerError', 'InternalServerException', 'BusyException'],
  ...['RequestTimeout', 'RequestTimeoutException', 'TimeoutError', 'NetworkingError', 'NetworkError'],
  ...['CredentialsProviderError', 'ExpiredToken', 'ExpiredTokenException'],
])

/** Errors of the network, by their code. */
const DEPENDENCY_CODES = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENETRESET', 'EADDRNOTAVAIL', 'EMFILE', 'ENFILE'],
  ...['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_SOCKET'],
])

/** Too many requests, and everything that a server blames on itself; 408 is one that it gave up waiting for. */
const isDependencyStatus = (status: number) => status === 408 || status === 429 || status >= 500

/** How many errors down a chain of causes are looked at. */
const MAX_DEPTH = 8

/**
 * The class of an error where the options name no `classify`: `dependency` for one that looks like throttling, a server's
 * own failure or the network's, itself or in its causes, and `retry` for every other. Never `give up`: that a failure is
 * final only the handler's author knows.
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
  if (isObject(Reflect.get(error, '$retryable'))) return true // What the AWS SDK marks is throttled or transient.
  return statusesOf(error).some(isDependencyStatus)
}

/** The HTTP status, where the clients of AWS, fetch wrappers and Fastify keep it. */
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
