import { ProblemError } from './errors.ts'

/** The request is malformed. Status 400, `bad-request`. */
export class BadRequestError extends ProblemError {
  static override readonly slug = 'bad-request'
}

/** The body is not JSON. Status 400, `malformed-json`. */
export class MalformedJsonError extends ProblemError {
  static override readonly slug = 'malformed-json'
}

/** The body or the query is invalid. Status 400, `invalid-body`. */
export class InvalidBodyError extends ProblemError {
  static override readonly slug = 'invalid-body'
}

/** The file name is invalid. Status 400, `invalid-filename`. */
export class InvalidFilenameError extends ProblemError {
  static override readonly slug = 'invalid-filename'
}

/** The content type of the file is invalid. Status 400, `invalid-content-type`. */
export class InvalidContentTypeError extends ProblemError {
  static override readonly slug = 'invalid-content-type'
}

/** The metadata of the file is invalid. Status 400, `invalid-metadata`. */
export class InvalidMetadataError extends ProblemError {
  static override readonly slug = 'invalid-metadata'
}

/** The digest is malformed. Status 400, `invalid-digest`. */
export class InvalidDigestError extends ProblemError {
  static override readonly slug = 'invalid-digest'
}

/** The body does not match its digest. Status 400, `digest-mismatch`. */
export class DigestMismatchError extends ProblemError {
  static override readonly slug = 'digest-mismatch'
}

/** The idempotency key is invalid. Status 400, `invalid-idempotency-key`. */
export class InvalidIdempotencyKeyError extends ProblemError {
  static override readonly slug = 'invalid-idempotency-key'
}

/** The cursor is invalid. Status 400, `invalid-cursor`. */
export class InvalidCursorError extends ProblemError {
  static override readonly slug = 'invalid-cursor'
}

/** The form is malformed. Status 400, `malformed-multipart`. */
export class MalformedMultipartError extends ProblemError {
  static override readonly slug = 'malformed-multipart'
}

/** The form has no file. Status 400, `missing-file`. */
export class MissingFileError extends ProblemError {
  static override readonly slug = 'missing-file'
}

/** The form has too many files. Status 400, `too-many-files`. */
export class TooManyFilesError extends ProblemError {
  static override readonly slug = 'too-many-files'
}

/** The body ended before it was complete. Status 400, `incomplete-body`. */
export class IncompleteBodyError extends ProblemError {
  static override readonly slug = 'incomplete-body'
}

/** A token is required. Status 401, `missing-token`. */
export class MissingTokenError extends ProblemError {
  static override readonly slug = 'missing-token'
}

/** The token is invalid. Status 401, `invalid-token`. */
export class InvalidTokenError extends ProblemError {
  static override readonly slug = 'invalid-token'
}

/** The token does not permit this request. Status 403, `insufficient-scope`. */
export class InsufficientScopeError extends ProblemError {
  static override readonly slug = 'insufficient-scope'
}

/** You may not upload this file. Status 403, `upload-not-allowed`. */
export class UploadNotAllowedError extends ProblemError {
  static override readonly slug = 'upload-not-allowed'
}

/** Your quota for today is used up. Status 403, `quota-exceeded`. */
export class QuotaExceededError extends ProblemError {
  static override readonly slug = 'quota-exceeded'
}

/** The file is quarantined. Status 403, `quarantined`. */
export class QuarantinedError extends ProblemError {
  static override readonly slug = 'quarantined'
}

/** Not found. Status 404, `not-found`. */
export class NotFoundError extends ProblemError {
  static override readonly slug = 'not-found'
}

/** The file is no longer stored. Status 404, `content-gone`. */
export class ContentGoneError extends ProblemError {
  static override readonly slug = 'content-gone'
}

/** The path does not support this method. Status 405, `method-not-allowed`. */
export class MethodNotAllowedError extends ProblemError {
  static override readonly slug = 'method-not-allowed'
}

/** The request took too long to arrive. Status 408, `request-timeout`. */
export class RequestTimeoutError extends ProblemError {
  static override readonly slug = 'request-timeout'
}

/** A request with this idempotency key is in flight. Status 409, `idempotency-key-in-use`. */
export class IdempotencyKeyInUseError extends ProblemError {
  static override readonly slug = 'idempotency-key-in-use'
}

/** The content is not ready yet. Status 409, `content-not-ready`. */
export class ContentNotReadyError extends ProblemError {
  static override readonly slug = 'content-not-ready'
}

/** The file could not be processed. Status 409, `processing-failed`. */
export class ProcessingFailedError extends ProblemError {
  static override readonly slug = 'processing-failed'
}

/** The file cannot be downloaded. Status 409, `content-withheld`. */
export class ContentWithheldError extends ProblemError {
  static override readonly slug = 'content-withheld'
}

/** The file has not arrived yet. Status 409, `not-arrived`. */
export class NotArrivedError extends ProblemError {
  static override readonly slug = 'not-arrived'
}

/** The offset differs from the offset of the upload. Status 409, `offset-conflict`. */
export class OffsetConflictError extends ProblemError {
  static override readonly slug = 'offset-conflict'
}

/** The upload has expired. Status 410, `upload-expired`. */
export class UploadExpiredError extends ProblemError {
  static override readonly slug = 'upload-expired'
}

/** The tus version is not supported. Status 412, `unsupported-tus-version`. */
export class UnsupportedTusVersionError extends ProblemError {
  static override readonly slug = 'unsupported-tus-version'
}

/** The body is too large. Status 413, `payload-too-large`. */
export class PayloadTooLargeError extends ProblemError {
  static override readonly slug = 'payload-too-large'
}

/** The content type is not supported. Status 415, `unsupported-media-type`. */
export class UnsupportedMediaTypeError extends ProblemError {
  static override readonly slug = 'unsupported-media-type'
}

/** The file contradicts its content type. Status 415, `content-type-contradicted`. */
export class ContentTypeContradictedError extends ProblemError {
  static override readonly slug = 'content-type-contradicted'
}

/** Files of this type are not allowed. Status 415, `content-type-not-allowed`. */
export class ContentTypeNotAllowedError extends ProblemError {
  static override readonly slug = 'content-type-not-allowed'
}

/** The idempotency key was used for another request. Status 422, `idempotency-key-reused`. */
export class IdempotencyKeyReusedError extends ProblemError {
  static override readonly slug = 'idempotency-key-reused'
}

/** The file differs from the grant. Status 422, `arrival-refused`. */
export class ArrivalRefusedError extends ProblemError {
  static override readonly slug = 'arrival-refused'
}

/** Another request is using the upload. Status 423, `upload-locked`. */
export class UploadLockedError extends ProblemError {
  static override readonly slug = 'upload-locked'
}

/** Too many requests. Status 429, `too-many-requests`. */
export class TooManyRequestsError extends ProblemError {
  static override readonly slug = 'too-many-requests'
}

/** Too many of your requests wait for uploads. Status 429, `too-many-watches`. */
export class TooManyWatchesError extends ProblemError {
  static override readonly slug = 'too-many-watches'
}

/** The headers are too large. Status 431, `headers-too-large`. */
export class HeadersTooLargeError extends ProblemError {
  static override readonly slug = 'headers-too-large'
}

/** The bytes do not match the checksum. Status 460, `checksum-mismatch`. */
export class ChecksumMismatchError extends ProblemError {
  static override readonly slug = 'checksum-mismatch'
}

/** The service failed. Status 500, `internal-error`. */
export class InternalError extends ProblemError {
  static override readonly slug = 'internal-error'
}

/** The service is temporarily unavailable. Status 503, `unavailable`. */
export class UnavailableError extends ProblemError {
  static override readonly slug = 'unavailable'
}

/** Too many requests wait for uploads. Status 503, `watches-exhausted`. */
export class WatchesExhaustedError extends ProblemError {
  static override readonly slug = 'watches-exhausted'
}

/** The token cannot be verified now. Status 503, `keys-unavailable`. */
export class KeysUnavailableError extends ProblemError {
  static override readonly slug = 'keys-unavailable'
}

/** The service is not ready. Status 503, `not-ready`. */
export class NotReadyError extends ProblemError {
  static override readonly slug = 'not-ready'
}
