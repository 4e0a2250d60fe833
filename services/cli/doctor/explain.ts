import { describeRequestFailure, type FailureKind, textOfFailure } from '../../platform/failure-kinds.ts'
import { RequestFailedError, type RequestTarget } from './attempt.ts'
import type { Finding } from './check.ts'
import { API_URL_ADVICE } from './http.ts'

/** The advice for each kind of failure. */
const ADVICE: Readonly<Record<FailureKind, (target: RequestTarget) => string>> = {
  clock: () => 'The clock of this machine is wrong, so AWS rejects its signatures. Set the clock by NTP.',
  credentials: () =>
    'The credentials are missing, wrong or expired. See `aws sts get-caller-identity`, and set AWS_PROFILE or sign in again.',
  'other region': ({ variable }) => `The bucket of ${variable} is in another region. Set AWS_REGION to that region.`,
  permission: permissionAdvice,
  'not a lease table': ({ variable }) =>
    `The table is not a lease table of Headgate or of KCL, or another program writes to it. Set ${variable} to the name of the application.`,
  missing: ({ variable }) =>
    `Set ${variable} to the name of the resource in your deployment, and AWS_REGION to its region. Or create the resource.`,
  throttled: () => 'AWS throttles this kind of request at the moment. Run the doctor again in a minute.',
  'body too large': ({ variable }) =>
    variable === 'API_URL'
      ? `Something other than the api responds at API_URL. ${API_URL_ADVICE}`
      : `Something other than AWS responds at the endpoint. Check ${variable} and the AWS_ENDPOINT_URL_… variables.`,
  unreachable: ({ variable }) => unreachableAdvice(variable),
  'another service': () =>
    'The endpoint is not that AWS service. Set the AWS_ENDPOINT_URL_… variables to http:// or https:// URLs of the service, or unset them.',
}

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
  const failure = describeRequestFailure(error.cause)
  const advice =
    failure.kind === undefined
      ? 'See the message of AWS and the AWS Health Dashboard. If the failure persists, contact AWS Support with the request id.'
      : ADVICE[failure.kind](target)
  return {
    status: 'failed',
    seen: `${target.action} on ${target.resource} failed with ${textOfFailure(failure)}`,
    advice,
  }
}

function permissionAdvice({ action, resource }: RequestTarget): string {
  const otherAccount = resource.startsWith('arn:aws:s3:')
    ? ' The bucket may also belong to another account, because bucket names are global.'
    : ''
  return `Allow ${action} on ${resource} in the policy of the role whose credentials are used. If it is allowed, look for a denial: the policy of the resource, its KMS key, a service control policy, the policy of a VPC endpoint.${otherAccount}`
}
