import { HeadgateError } from '../platform/errors.ts'

/** The file name is not accepted. The message gives the client the reason. */
export class InvalidFilenameError extends HeadgateError {
  readonly code = 'HEADGATE_INVALID_FILENAME'
}

/** A record of the stream is not a valid upload event. A retry does not help. */
export class InvalidEventError extends HeadgateError {
  readonly code = 'HEADGATE_INVALID_EVENT'
}

/**
 * The id of the upload was given up: the owner deleted the upload, or the sweep of orphans found that it was never recorded. Nothing can
 * be recorded under this id any more.
 */
export class UploadGivenUpError extends HeadgateError {
  readonly code = 'HEADGATE_UPLOAD_GIVEN_UP'
}

/** Kinesis did not accept an event in time. The event may still have arrived, so it is safe to publish it again. */
export class EventNotPublishedError extends HeadgateError {
  readonly code = 'HEADGATE_EVENT_NOT_PUBLISHED'
}

/** The metadata that a client sends with its file is invalid. The message is sent to the client. */
export class InvalidMetadataError extends HeadgateError {
  readonly code = 'HEADGATE_INVALID_METADATA'
}
