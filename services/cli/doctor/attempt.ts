import { HeadgateError } from '../../platform/errors.ts'

/** What a request of a check asks for, in the terms of a policy. */
export interface RequestTarget {
  /** The action, such as `kinesis:PutRecords`, or the method of a request without an action. */
  action: string
  /** The ARN of the resource with `*` for unknown parts, such as `arn:aws:kinesis:us-east-1:*:stream/uploads-stream`, or a URL. */
  resource: string
  /** The environment variable that names the resource. */
  variable: string
}

/** A request of a check failed. The cause is the error of the SDK or of fetch. */
export class RequestFailedError extends HeadgateError {
  readonly code = 'HEADGATE_REQUEST_FAILED'
  readonly target: RequestTarget

  constructor(target: RequestTarget, cause: unknown) {
    super(`${target.action} failed.`, { cause })
    this.target = target
  }
}

/** Waits for a request. @throws RequestFailedError that says what the request asked for */
export async function attempt<T>(target: RequestTarget, request: Promise<T>): Promise<T> {
  try {
    return await request
  } catch (error) {
    throw new RequestFailedError(target, error)
  }
}

/** ARNs of resources for policies, with `*` for the account. */
export const arn = {
  bucket: (name: string) => `arn:aws:s3:::${name}`,
  objects: (bucket: string, prefix: string) => `arn:aws:s3:::${bucket}/${prefix}*`,
  stream: (region: string, name: string) => `arn:aws:kinesis:${region}:*:stream/${name}`,
  table: (region: string, name: string) => `arn:aws:dynamodb:${region}:*:table/${name}`,
}
