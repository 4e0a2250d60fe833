import { LeaseTableMissingError } from '../consumer/index.ts'
import { HeadgateError } from '../platform/errors.ts'
import { describeRequestFailure, textOfFailure } from '../platform/failure-kinds.ts'
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
  if (error instanceof LeaseTableMissingError) {
    return {
      title: `There is ${resource.replace(/^the /, 'no ')}.`,
      advice:
        'Check APPLICATION_NAME or --application, and AWS_REGION. A worker creates the table at its first start. Until then, this page shows only the stream.',
    }
  }
  if (error instanceof HeadgateError) return { title: error.message, advice: '' }
  const failure = describeRequestFailure(error)
  const { message } = failure
  switch (failure.kind) {
    case 'clock':
      return {
        title: 'AWS rejects the signatures of this console.',
        advice: `The clock of this machine is wrong. Set it by NTP. AWS says: ${message}`,
      }
    case 'permission':
      return {
        title: `The credentials do not allow ${action} on ${resource}.`,
        advice: `Allow ${action} for the role or user that runs the console. AWS says: ${message}`,
      }
    case 'credentials':
      return {
        title: 'AWS does not accept the credentials of this console.',
        advice: `They are missing, wrong or expired. Sign in again, or set AWS_PROFILE, and restart the console. AWS says: ${message}`,
      }
    case 'missing':
      return {
        title: `There is ${resource.replace(/^the /, 'no ')}.`,
        advice: 'Check its name, AWS_REGION, and the account of the credentials.',
      }
    case 'throttled':
      return {
        title: `AWS throttles ${action} on ${resource}.`,
        advice: 'Other readers use the same limit. The console retries by itself.',
      }
    case 'unreachable':
    case 'another service':
      return {
        title: failure.kind === 'unreachable' ? `Nothing responds to ${action}.` : `Not AWS responds to ${action}.`,
        advice: `Check the network, AWS_REGION and the AWS_ENDPOINT_URL_… variables. The console retries by itself. (${textOfFailure(failure)})`,
      }
    default:
      return { title: `${action} on ${resource} failed.`, advice: textOfFailure(failure) }
  }
}
