import { HeadgateError } from '../../platform/errors.ts'

/** The bytes of an upload no longer exist, or another upload has replaced them. The message is sent to the client. */
export class ContentGoneError extends HeadgateError {
  readonly code = 'HEADGATE_CONTENT_GONE'
}

/** The bytes exist but can't be downloaded. The message, which is sent to the client, has the reason. */
export class ContentWithheldError extends HeadgateError {
  readonly code = 'HEADGATE_CONTENT_WITHHELD'
}
