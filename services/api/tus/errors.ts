import { HeadgateError } from '../../platform/errors.ts'

/** Another request holds the upload and has not let go of it in time, or has taken it over. Worth another try. */
export class UploadLockedError extends HeadgateError {
  readonly code = 'HEADGATE_UPLOAD_LOCKED'
}

/** The bytes of a request are not those of its `Upload-Checksum`. None of them was kept. */
export class ChecksumMismatchError extends HeadgateError {
  readonly code = 'HEADGATE_CHECKSUM_MISMATCH'
}

/** A header of the protocol says what cannot be. The message is for the client. */
export class InvalidTusHeaderError extends HeadgateError {
  readonly code = 'HEADGATE_INVALID_TUS_HEADER'
}

/** S3 has no longer what had arrived: its lifecycle was shorter than the upload, or somebody has cleaned up. Begin anew. */
export class UploadGoneError extends HeadgateError {
  readonly code = 'HEADGATE_UPLOAD_GONE'
}
