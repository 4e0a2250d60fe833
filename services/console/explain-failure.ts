import { LeaseTableMissingError } from '../consumer/index.ts'
import { HeadgateError } from '../platform/errors.ts'
import type { Failure } from './snapshot.ts'

/** A request to AWS, for the explanation of its failure. */
export interface Target {
  /** The IAM action, such as `kinesis:ListShards`. */
  action: string
  /** Such as `the stream 'orders'`. */
  resource: string
}

/** Explains why a request failed and what to do first, in the words of the page. */
export function explainFailure(error: unknown, { action, resource }: Target): Failure {
  const { name, message } = innermost(error)
  if (error instanceof LeaseTableMissingError) {
    return {
      title: `There is ${resource.replace(/^the /, 'no ')}.`,
      advice:
        'Check APPLICATION_NAME or --application, and AWS_REGION. A worker creates the table at its first start. Until then, this page shows only the stream.',
    }
  }
  if (error instanceof HeadgateError) return { title: error.message, advice: '' }
  if (/AccessDenied|NotAuthorized|Forbidden|KMS/.test(name)) {
    return {
      title: `The credentials do not allow ${action} on ${resource}.`,
      advice: `Allow ${action} for the role or user that runs the console. AWS says: ${message}`,
    }
  }
  if (/Credentials|UnrecognizedClient|ExpiredToken|InvalidSignature|InvalidAccessKeyId/.test(name)) {
    return {
      title: 'AWS does not accept the credentials of this console.',
      advice: `They are missing, wrong or expired. Sign in again, or set AWS_PROFILE, and restart the console. AWS says: ${message}`,
    }
  }
  if (/ResourceNotFound|NoSuchBucket|NotFound/.test(name)) {
    return {
      title: `There is ${resource.replace(/^the /, 'no ')}.`,
      advice: 'Check its name, AWS_REGION, and the account of the credentials.',
    }
  }
  if (/Throttl|Throughput|LimitExceeded|SlowDown/.test(name)) {
    return {
      title: `AWS throttles ${action} on ${resource}.`,
      advice: 'Other readers use the same limit. The console retries by itself.',
    }
  }
  if (/ECONN|ENOTFOUND|EAI_AGAIN|Timeout|Abort|UND_ERR|SocketError|fetch failed/i.test(`${name} ${message}`)) {
    return {
      title: `Nothing responds to ${action}.`,
      advice: `Check the network, AWS_REGION and the AWS_ENDPOINT_URL_… variables. The console retries by itself. (${name}: ${message})`,
    }
  }
  return { title: `${action} on ${resource} failed.`, advice: `${name}: ${message}` }
}

/** Connection errors are wrapped several times. */
function innermost(error: unknown): { name: string; message: string } {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  if (error.cause instanceof Error) return innermost(error.cause)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return {
    name: error.name === 'Error' ? (code ?? error.name) : error.name,
    message: error.message || (code ?? ''),
  }
}
