import { HeadgateError } from '../../platform/errors.ts'

/** Another request holds the upload and has not released it in time, or has taken it over. The client may retry. */
export class UploadLockedError extends HeadgateError {
  readonly code = 'HEADGATE_UPLOAD_LOCKED'
}

/** The bytes of a request do not match its `Upload-Checksum`. None of them was stored. */
export class ChecksumMismatchError extends HeadgateError {
  readonly code = 'HEADGATE_CHECKSUM_MISMATCH'
}

/** A header of the protocol is invalid. The message is sent to the client. */
export class InvalidTusHeaderError extends HeadgateError {
  readonly code = 'HEADGATE_INVALID_TUS_HEADER'
}

/** Bytes that had arrived are no longer in S3: a lifecycle rule or a person has deleted them. The client has to start again. */
export class UploadGoneError extends HeadgateError {
  readonly code = 'HEADGATE_UPLOAD_GONE'
}
