import { HeadgateError } from '../../platform/errors.ts'

/** What a check asked AWS for. */
export interface RequestTarget {
  /** As a policy names it: `kinesis:PutRecord`. */
  action: string
  /** As a policy names it, but for what is not known here: `arn:aws:kinesis:us-east-1:*:stream/uploads-stream`. */
  resource: string
  /** The variable that names the resource. */
  variable: string
}

/** AWS did not do what a check asked for. */
export class RequestFailedError extends HeadgateError {
  readonly code = 'HEADGATE_ASKED_IN_VAIN'
  readonly target: RequestTarget

  constructor(asked: RequestTarget, cause: unknown) {
    super(`${asked.action} failed.`, { cause })
    this.target = asked
  }
}

/** Waits for a request, and names what it was in its error. */
export async function attempt<T>(asked: RequestTarget, request: Promise<T>): Promise<T> {
  try {
    return await request
  } catch (error) {
    throw new RequestFailedError(asked, error)
  }
}

/** The names of resources as policies write them. The account and the partition are whatever they are. */
export const arn = {
  bucket: (name: string) => `arn:aws:s3:::${name}`,
  objects: (bucket: string, prefix: string) => `arn:aws:s3:::${bucket}/${prefix}*`,
  stream: (region: string, name: string) => `arn:aws:kinesis:${region}:*:stream/${name}`,
  table: (region: string, name: string) => `arn:aws:dynamodb:${region}:*:table/${name}`,
}
