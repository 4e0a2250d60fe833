import { HeadgateError } from '../../platform/errors.ts'

/** A body over its limit. The message says the limit, for the client. */
export class PayloadTooLargeError extends HeadgateError {
  readonly code = 'HEADGATE_PAYLOAD_TOO_LARGE'
  /** Bytes. */
  readonly limit: number

  constructor(what: string, limit: number) {
    super(`${what} is larger than the ${limit} bytes that are taken.`)
    this.limit = limit
  }
}

/** A body that stopped before its end: its client is gone, or sent less than it said. */
export class IncompleteBodyError extends HeadgateError {
  readonly code = 'HEADGATE_INCOMPLETE_BODY'
}

/**
 * Nobody can tell whether an upload will be processed: neither its record's write nor the look at it was answered, or
 * neither the stream nor the outbox took its event. The cause is what the write said.
 */
export class RecordingUnknownError extends HeadgateError {
  readonly code = 'HEADGATE_RECORDING_UNKNOWN'
}

/** A content type that cannot be kept with a file. The message says why, for the client. */
export class InvalidContentTypeError extends HeadgateError {
  readonly code = 'HEADGATE_INVALID_CONTENT_TYPE'
}

/** All files of a request are stored, and not all could be recorded. Those that were are accepted. */
export class PartlyAcceptedError extends HeadgateError {
  readonly code = 'HEADGATE_PARTLY_ACCEPTED'

  /** @param rest the places of the others in the request, from 1 on. Of those in `unknown` nobody can tell */
  constructor(
    accepted: ReadonlyArray<{ uploadId: string }>,
    rest: { refused: readonly number[]; unknown: readonly number[] },
    cause: unknown,
  ) {
    const { refused, unknown } = rest
    const count = accepted.length + refused.length + unknown.length
    const sentences = [
      `${accepted.length} of the ${count} files were accepted: ${accepted.map(({ uploadId }) => uploadId).join(', ')}.`,
      refused.length > 0 && `Not accepted, by their places in the request: ${refused.join(', ')}. Send these again.`,
      unknown.length > 0 &&
        `Whether these were accepted cannot be told: ${unknown.join(', ')}. List your uploads before you send these again.`,
    ]
    super(sentences.filter(Boolean).join(' '), { cause })
  }
}
