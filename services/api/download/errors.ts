import { HeadgateError } from '../../platform/errors.ts'

/** The bytes of an upload are not there any more, or are another's by now. The message says so, for the client. */
export class ContentGoneError extends HeadgateError {
  readonly code = 'HEADGATE_CONTENT_GONE'
}

/** The bytes are there and cannot be given out. The message says why, for the client. */
export class ContentWithheldError extends HeadgateError {
  readonly code = 'HEADGATE_CONTENT_WITHHELD'
}
