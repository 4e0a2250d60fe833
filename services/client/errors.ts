import type { Upload } from './types.ts'

/** The prefix of the `type` of every problem of the api. */
export const PROBLEM_TYPE_PREFIX = 'urn:headgate:problem:'

/** The members of a response with an error. */
export interface Problem {
  /** Stable, for programs: `urn:headgate:problem:` and a slug. `about:blank` if the response came from a gateway in front of the api. */
  type: string
  /** The kind of problem, for people. */
  title: string
  /** The HTTP status. */
  status: number
  /** What is wrong with this request, for people. */
  detail: string
  /** The id of the request, which the operator finds in the logs. */
  instance?: string | undefined
  /** When to retry, in seconds. */
  retryAfter?: number | undefined
  /** With `idempotency-key-reused`: the upload of an earlier grant with the same key, which has arrived or expired. */
  uploadId?: string | undefined
}

/** Base class of the errors of this package. */
export abstract class HeadgateError extends Error {
  /** Stable, for programs. */
  abstract readonly code: string
  override readonly name: string

  /** Creates an error with a message for people. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/**
 * The api rejected a request. Each kind of problem has a subclass, such as `PayloadTooLargeError`. The base class itself stands for a kind
 * that this version does not know, and for the error of a gateway.
 */
export class ProblemError extends HeadgateError {
  /** The last part of `type` of every problem of the class. */
  static readonly slug: string = ''
  readonly code = 'HEADGATE_PROBLEM'
  /** Stable, for programs: `urn:headgate:problem:` and a slug. */
  readonly type: string
  /** The kind of problem, for people. */
  readonly title: string
  /** The HTTP status. */
  readonly status: number
  /** What is wrong with this request, for people. The same as `message`. */
  readonly detail: string
  /** The id of the request, which the operator finds in the logs. */
  readonly instance: string | undefined
  /** When to retry, in seconds. */
  readonly retryAfter: number | undefined
  /** With `idempotency-key-reused`: the upload of an earlier grant with the same key, which has arrived or expired. */
  readonly uploadId: string | undefined

  /** Creates an error from the response of the api. */
  constructor(problem: Problem) {
    super(problem.detail)
    this.type = problem.type
    this.title = problem.title
    this.status = problem.status
    this.detail = problem.detail
    this.instance = problem.instance
    this.retryAfter = problem.retryAfter
    this.uploadId = problem.uploadId
  }
}

/** The api or S3 could not be reached, however often the request was retried. `cause` has the last error. */
export class ConnectionError extends HeadgateError {
  readonly code = 'HEADGATE_CONNECTION'
}

/** S3 rejected bytes that were sent by a grant. */
export class StorageError extends HeadgateError {
  readonly code = 'HEADGATE_STORAGE'
  /** The HTTP status of the response of S3. */
  readonly status: number

  /** Creates an error from a response of S3. */
  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** A response to a request of tus has no valid offset. Usually a proxy removed it, or the CORS rules do not expose it to the page. */
export class TusResponseError extends HeadgateError {
  readonly code = 'HEADGATE_TUS_RESPONSE'
}

/** The file can't be read, or has changed while it was sent. `cause` has the reason. */
export class UnreadableFileError extends HeadgateError {
  readonly code = 'HEADGATE_UNREADABLE_FILE'
}

/** The api stored other bytes than the client sent. The upload is in `uploadId`: remove it, and upload the file again. */
export class CorruptUploadError extends HeadgateError {
  readonly code = 'HEADGATE_CORRUPT_UPLOAD'
  /** The upload that has other bytes. */
  readonly uploadId: string

  /** Creates an error for an upload. */
  constructor(uploadId: string, expected: string, stored: string) {
    super(`The upload ${uploadId} has the SHA-256 ${stored}, but the file has ${expected}.`)
    this.uploadId = uploadId
  }
}

/** The upload was stored, but can't be processed: it has failed, or malware was found in it and its status is `quarantined`. */
export class UploadFailedError extends HeadgateError {
  readonly code = 'HEADGATE_UPLOAD_FAILED'
  /** The upload, with the reason in `failure`. */
  readonly upload: Upload

  /** Creates an error for a failed upload. */
  constructor(upload: Upload) {
    super(
      `The upload ${upload.uploadId} ${upload.status === 'quarantined' ? 'is quarantined' : 'failed'}: ${upload.failure?.reason ?? 'the api gave no reason'}`,
    )
    this.upload = upload
  }
}

/** The upload was deleted while the client waited for it. */
export class UploadDeletedError extends HeadgateError {
  readonly code = 'HEADGATE_UPLOAD_DELETED'
}
