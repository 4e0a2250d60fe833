import { RequestFailedError, type RequestTarget } from './attempt.ts'
import { type Finding, failed } from './check.ts'
import { API_URL_ADVICE } from './http.ts'

interface Trouble {
  name: string
  message: string
  status: number | undefined
}

/** What people do about an error, by what it says. The first that fits. */
const KINDS: ReadonlyArray<{ fits(trouble: Trouble): boolean; advice(asked: RequestTarget): string }> = [
  {
    fits: ({ name, message }) =>
      /Skewed|RequestExpired/.test(name) || /Signature (?:not yet current|expired)/.test(message),
    advice: () => 'The clock of this machine is wrong, so that AWS takes no signature: set it by NTP.',
  },
  {
    fits: ({ name }) =>
      /UnrecognizedClient|InvalidSignature|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|Credentials/.test(
        name,
      ),
    advice: () =>
      'The credentials are none, are wrong or have expired: see `aws sts get-caller-identity`, and set AWS_PROFILE, or sign in again.',
  },
  {
    fits: ({ name, status }) => status === 301 || name === 'PermanentRedirect',
    advice: ({ variable }) => `The bucket of ${variable} is in another region: set AWS_REGION to it.`,
  },
  {
    fits: ({ name }) => /AccessDenied|NotAuthorized|Forbidden|KMS/.test(name),
    advice: ({ action, resource }) => allow(action, resource),
  },
  {
    fits: ({ name }) => name === 'LeaseTableError',
    advice: ({ variable }) =>
      `It is not the table of a consumer of ours or of KCL, or something else writes to it: set ${variable} to the name of the application.`,
  },
  {
    fits: ({ name }) => /ResourceNotFound|NoSuchBucket|NotFound|LeaseTableMissing/.test(name),
    advice: ({ variable }) =>
      `Set ${variable} to the name that your deployment gave it, and AWS_REGION to where it is; or create it.`,
  },
  {
    fits: ({ status }) => status === 403,
    advice: ({ action, resource }) => allow(action, resource),
  },
  {
    fits: ({ name }) => /Throttl|Throughput|SlowDown|LimitExceeded/.test(name),
    advice: () => 'AWS has too many requests of this kind just now: run the doctor again in a minute.',
  },
  {
    fits: ({ name }) => name === 'BodyTooLargeError',
    advice: ({ variable }) =>
      variable === 'API_URL'
        ? `Something other than the api answers there. ${API_URL_ADVICE}`
        : `Something other than AWS answers there: check ${variable} and the AWS_ENDPOINT_URL_… variables.`,
  },
  {
    fits: ({ name, message }) =>
      /ECONN|ENOTFOUND|EAI_AGAIN|Timeout|Abort|UND_ERR|SocketError|EHOSTUNREACH|ENETUNREACH|fetch failed/i.test(
        `${name} ${message}`,
      ),
    advice: ({ variable }) => unreachableAdvice(variable),
  },
  {
    // No name of AWS's: whoever answers is another, or there is nobody to ask at such an address.
    fits: ({ name, message }) => name === UNKNOWN || /Invalid URL/.test(`${name} ${message}`) || name === 'SyntaxError',
    advice: () =>
      'What is asked is not that service of AWS: set the AWS_ENDPOINT_URL_… variables to http:// or https:// addresses of it, or to none.',
  },
]

/** What the SDK calls an answer that it finds no error in. */
const UNKNOWN = 'Unknown'

/** Returns the advice for an endpoint that cannot be reached or never answers. `variable` names what is asked there. */
export function unreachableAdvice(variable?: string): string {
  return variable === 'API_URL' ? THE_API_IS_SILENT : NOBODY_ANSWERS
}

const THE_API_IS_SILENT =
  'Nothing answers at API_URL: check API_URL, that the api runs and is healthy, and the way there (load balancer, security groups, proxies).'

const NOBODY_ANSWERS =
  'Nothing answers at the endpoint: check AWS_REGION, the AWS_ENDPOINT_URL_… variables, and the way there (VPC endpoints, security groups, proxies).'

/** What a check that threw has found. Undefined where the error is none that a check expects. */
export function explain(error: unknown): Finding | undefined {
  if (!(error instanceof RequestFailedError)) return undefined
  const { target: asked } = error
  const trouble = troubleOf(error.cause)
  const kind = KINDS.find(({ fits }) => fits(trouble))
  const advice =
    kind?.advice(asked) ??
    'See what AWS says, and its health page; if it lasts, ask AWS with the request id of its logs.'
  return failed(`${asked.action} on ${asked.resource} failed with ${saidBy(trouble)}`, advice)
}

/** A refusal to HEAD has no words: its status is all there is. */
function saidBy({ name, message, status }: Trouble): string {
  if (name === UNKNOWN) return status === undefined ? message : `HTTP ${status}`
  return message && message !== name ? `${name}: ${message}` : name
}

function allow(action: string, resource: string): string {
  const theirs = resource.startsWith('arn:aws:s3:')
    ? ' Is the bucket that of another account? Names are one for all accounts.'
    : ''
  return `Allow ${action} on ${resource} in the policy of the role whose credentials these are. Where it is allowed, look for a denial: the bucket's policy, its KMS key, a service control policy, the policy of a VPC endpoint.${theirs}`
}

/** The innermost name is the one that says something: a request that reached nobody is wrapped more than once. */
function troubleOf(error: unknown): Trouble {
  if (!(error instanceof Error)) return { name: String(error), message: '', status: undefined }
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const { cause } = error
  if (code === undefined && cause instanceof Error && 'code' in cause) return troubleOf(cause)
  return {
    name: error.name === 'Error' ? (code ?? error.name) : error.name,
    message: error.message || (code ?? ''),
    status: $metadata?.httpStatusCode,
  }
}
