import { HeadgateError } from '../platform/errors.ts'

/** A file name that cannot be taken. The message says why, for the client. */
export class InvalidFilenameError extends HeadgateError {
  readonly code = 'HEADGATE_INVALID_FILENAME'
}

/** A record on the stream that is no upload event. It will never become one: retrying is of no use. */
export class InvalidEventError extends HeadgateError {
  readonly code = 'HEADGATE_INVALID_EVENT'
}

/**
 * The upload's id was given up: deleted by its owner, or, since nobody had recorded it for so long, by the sweep of strays.
 * Nothing can be recorded under it any more.
 */
export class UploadGivenUpError extends HeadgateError {
  readonly code = 'HEADGATE_UPLOAD_GIVEN_UP'
}

/** The stream did not take an event within its bound. The event may still have arrived: publishing again is safe. */
export class EventNotPublishedError extends HeadgateError {
  readonly code = 'HEADGATE_EVENT_NOT_PUBLISHED'
}
