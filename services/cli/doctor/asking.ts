import { HeadgateError } from '../../platform/errors.ts'

/** What a check asked AWS for. */
export interface Asked {
  /** As a policy names it: `kinesis:PutRecord`. */
  action: string
  /** As a policy names it, but for what is not known here: `arn:aws:kinesis:us-east-1:*:stream/uploads-stream`. */
  resource: string
  /** The variable that names the resource. */
  variable: string
}

/** AWS did not do what a check asked for. */
export class AskedInVainError extends HeadgateError {
  readonly code = 'HEADGATE_ASKED_IN_VAIN'
  readonly asked: Asked

  constructor(asked: Asked, cause: unknown) {
    super(`${asked.action} failed.`, { cause })
    this.asked = asked
  }
}

/** Waits for a request, and names what it was in its error. */
export async function asking<T>(asked: Asked, request: Promise<T>): Promise<T> {
  try {
    return await request
  } catch (error) {
    throw new AskedInVainError(asked, error)
  }
}

/** The names of resources as policies write them. The account and the partition are whatever they are. */
export const arn = {
  bucket: (name: string) => `arn:aws:s3:::${name}`,
  objects: (bucket: string, prefix: string) => `arn:aws:s3:::${bucket}/${prefix}*`,
  stream: (region: string, name: string) => `arn:aws:kinesis:${region}:*:stream/${name}`,
  table: (region: string, name: string) => `arn:aws:dynamodb:${region}:*:table/${name}`,
}
