/** What went wrong with a request to AWS or to the api, as its caller can act on it. */
export type FailureKind =
  | 'clock'
  | 'credentials'
  | 'other region'
  | 'permission'
  | 'not a lease table'
  | 'missing'
  | 'throttled'
  | 'body too large'
  | 'unreachable'
  | 'another service'

export interface RequestFailure {
  /** Undefined: no kind that is known. */
  kind: FailureKind | undefined
  /** The name or the code of the error. */
  name: string
  message: string
  /** The status of the response, if there was one. */
  status: number | undefined
}

type Described = Omit<RequestFailure, 'kind'>

/** The name that the SDK gives to a response in which it finds no error. */
export const UNKNOWN_ERROR = 'Unknown'

/** The first kind that matches counts. */
const KINDS: ReadonlyArray<readonly [FailureKind, (failure: Described) => boolean]> = [
  [
    'clock',
    ({ name, message }) => /Skewed|RequestExpired/.test(name) || /Signature (?:not yet current|expired)/.test(message),
  ],
  [
    'credentials',
    ({ name }) =>
      /UnrecognizedClient|InvalidSignature|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|Credentials/.test(
        name,
      ),
  ],
  ['other region', ({ name, status }) => status === 301 || name === 'PermanentRedirect'],
  ['permission', ({ name }) => /AccessDenied|NotAuthorized|Forbidden|KMS/.test(name)],
  ['not a lease table', ({ name }) => name === 'LeaseTableError' || name === 'LeaseRowError'],
  ['missing', ({ name }) => /ResourceNotFound|NoSuchBucket|NotFound|LeaseTableMissing/.test(name)],
  ['permission', ({ status }) => status === 403],
  ['throttled', ({ name }) => /Throttl|Throughput|SlowDown|LimitExceeded/.test(name)],
  ['body too large', ({ name }) => name === 'BodyTooLargeError'],
  [
    'unreachable',
    ({ name, message }) =>
      /ECONN|ENOTFOUND|EAI_AGAIN|Timeout|Abort|UND_ERR|SocketError|EHOSTUNREACH|ENETUNREACH|fetch failed/i.test(
        `${name} ${message}`,
      ),
  ],
  [
    'another service',
    ({ name, message }) => name === UNKNOWN_ERROR || /Invalid URL/.test(`${name} ${message}`) || name === 'SyntaxError',
  ],
]

/** Describes why a request failed, by the innermost error with a code. Connection errors are wrapped several times. */
export function describeRequestFailure(error: unknown): RequestFailure {
  const failure = describe(error)
  return { ...failure, kind: KINDS.find(([, matches]) => matches(failure))?.[0] }
}

/** Returns the name and the message of a failure in one line, without what it repeats. */
export function textOfFailure({ name, message, status }: Described): string {
  // A failed HEAD request has no body, so its status is all that is known.
  if (name === UNKNOWN_ERROR) return status === undefined ? message : `HTTP ${status}`
  return message && message !== name ? `${name}: ${message}` : name
}

function describe(error: unknown): Described {
  if (!(error instanceof Error)) return { name: String(error), message: '', status: undefined }
  const { $metadata, $response } = error as {
    $metadata?: { httpStatusCode?: number }
    $response?: { statusCode?: number }
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const { cause } = error
  if (code === undefined && cause instanceof Error && 'code' in cause) return describe(cause)
  const status = $metadata?.httpStatusCode ?? $response?.statusCode
  // The SDK cannot read the response, for example because another service sent it. Its message is about parsing.
  if (error.name === 'SyntaxError' && status !== undefined) {
    return { name: UNKNOWN_ERROR, message: error.message, status }
  }
  return {
    name: error.name === 'Error' ? (code ?? error.name) : error.name,
    message: error.message || (code ?? ''),
    status,
  }
}
