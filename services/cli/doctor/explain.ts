import { RequestFailedError, type RequestTarget } from './attempt.ts'
import type { Finding } from './check.ts'
import { API_URL_ADVICE } from './http.ts'

interface Failure {
  name: string
  message: string
  status: number | undefined
}

/** The name that the SDK gives to a response in which it finds no error. */
const UNKNOWN = 'Unknown'

/** Kinds of failures with their advice. The first that matches counts. */
const KINDS: ReadonlyArray<{ matches(failure: Failure): boolean; advice(target: RequestTarget): string }> = [
  {
    matches: ({ name, message }) =>
      /Skewed|RequestExpired/.test(name) || /Signature (?:not yet current|expired)/.test(message),
    advice: () => 'The clock of this machine is wrong, so AWS rejects its signatures. Set the clock by NTP.',
  },
  {
    matches: ({ name }) =>
      /UnrecognizedClient|InvalidSignature|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|Credentials/.test(
        name,
      ),
    advice: () =>
      'The credentials are missing, wrong or expired. See `aws sts get-caller-identity`, and set AWS_PROFILE or sign in again.',
  },
  {
    matches: ({ name, status }) => status === 301 || name === 'PermanentRedirect',
    advice: ({ variable }) => `The bucket of ${variable} is in another region. Set AWS_REGION to that region.`,
  },
  {
    matches: ({ name }) => /AccessDenied|NotAuthorized|Forbidden|KMS/.test(name),
    advice: permissionAdvice,
  },
  {
    matches: ({ name }) => name === 'LeaseTableError',
    advice: ({ variable }) =>
      `The table is not a lease table of Headgate or of KCL, or another program writes to it. Set ${variable} to the name of the application.`,
  },
  {
    matches: ({ name }) => /ResourceNotFound|NoSuchBucket|NotFound|LeaseTableMissing/.test(name),
    advice: ({ variable }) =>
      `Set ${variable} to the name of the resource in your deployment, and AWS_REGION to its region. Or create the resource.`,
  },
  {
    matches: ({ status }) => status === 403,
    advice: permissionAdvice,
  },
  {
    matches: ({ name }) => /Throttl|Throughput|SlowDown|LimitExceeded/.test(name),
    advice: () => 'AWS throttles this kind of request at the moment. Run the doctor again in a minute.',
  },
  {
    matches: ({ name }) => name === 'BodyTooLargeError',
    advice: ({ variable }) =>
      variable === 'API_URL'
        ? `Something other than the api responds at API_URL. ${API_URL_ADVICE}`
        : `Something other than AWS responds at the endpoint. Check ${variable} and the AWS_ENDPOINT_URL_… variables.`,
  },
  {
    matches: ({ name, message }) =>
      /ECONN|ENOTFOUND|EAI_AGAIN|Timeout|Abort|UND_ERR|SocketError|EHOSTUNREACH|ENETUNREACH|fetch failed/i.test(
        `${name} ${message}`,
      ),
    advice: ({ variable }) => unreachableAdvice(variable),
  },
  {
    matches: ({ name, message }) =>
      name === UNKNOWN || /Invalid URL/.test(`${name} ${message}`) || name === 'SyntaxError',
    advice: () =>
      'The endpoint is not that AWS service. Set the AWS_ENDPOINT_URL_… variables to http:// or https:// URLs of the service, or unset them.',
  },
]

/** Returns the advice for an endpoint that does not respond. `variable` names the endpoint. */
export function unreachableAdvice(variable?: string): string {
  return variable === 'API_URL'
    ? 'Nothing responds at API_URL. Check API_URL, whether the api runs and is healthy, and the network path (load balancer, security groups, proxies).'
    : 'Nothing responds at the endpoint. Check AWS_REGION, the AWS_ENDPOINT_URL_… variables, and the network path (VPC endpoints, security groups, proxies).'
}

/** Returns the finding for a failed request, or undefined for any other error. */
export function explain(error: unknown): Extract<Finding, { status: 'failed' }> | undefined {
  if (!(error instanceof RequestFailedError)) return undefined
  const { target } = error
  const failure = failureOf(error.cause)
  const kind = KINDS.find(({ matches }) => matches(failure))
  const advice =
    kind?.advice(target) ??
    'See the message of AWS and the AWS Health Dashboard. If the failure persists, contact AWS Support with the request id.'
  return { status: 'failed', seen: `${target.action} on ${target.resource} failed with ${textOf(failure)}`, advice }
}

function textOf({ name, message, status }: Failure): string {
  // A failed HEAD request has no body, so its status is all that is known.
  if (name === UNKNOWN) return status === undefined ? message : `HTTP ${status}`
  return message && message !== name ? `${name}: ${message}` : name
}

function permissionAdvice({ action, resource }: RequestTarget): string {
  const otherAccount = resource.startsWith('arn:aws:s3:')
    ? ' The bucket may also belong to another account, because bucket names are global.'
    : ''
  return `Allow ${action} on ${resource} in the policy of the role whose credentials are used. If it is allowed, look for a denial: the policy of the resource, its KMS key, a service control policy, the policy of a VPC endpoint.${otherAccount}`
}

/** Returns the failure of the innermost error with a code. Connection errors are wrapped several times. */
function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: String(error), message: '', status: undefined }
  const { $metadata, $response } = error as {
    $metadata?: { httpStatusCode?: number }
    $response?: { statusCode?: number }
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const { cause } = error
  if (code === undefined && cause instanceof Error && 'code' in cause) return failureOf(cause)
  const status = $metadata?.httpStatusCode ?? $response?.statusCode
  // The SDK cannot read the response, for example because another service sent it. Its message is about parsing.
  if (error.name === 'SyntaxError' && status !== undefined) return { name: UNKNOWN, message: error.message, status }
  return {
    name: error.name === 'Error' ? (code ?? error.name) : error.name,
    message: error.message || (code ?? ''),
    status,
  }
}
