import { HeadgateError } from '../../platform/errors.ts'

/** The maximum size of a file. */
export interface SizeLimit {
  /** Bytes. */
  maxBytes: number
  /** The rule of UPLOAD_POLICIES that sets the maximum. Undefined if it is the limit of the deployment. */
  rule?: string | undefined
  /** Set if the maximum is what is left of a quota: when the quota is whole again. ISO 8601, UTC. */
  resetsAt?: string | undefined
}

/** A body exceeds its maximum size. The message, which is sent to the client, has the maximum. */
export class PayloadTooLargeError extends HeadgateError {
  readonly code = 'HEADGATE_PAYLOAD_TOO_LARGE'
  /** Bytes. */
  readonly limit: number

  constructor(what: string, limit: SizeLimit) {
    super(`${what} is larger than the ${shown(limit)}.`)
    this.limit = limit.maxBytes
  }
}

function shown({ maxBytes, rule, resetsAt }: SizeLimit): string {
  if (resetsAt !== undefined) return `${maxBytes} bytes that the rule "${rule}" leaves you until ${resetsAt}`
  return `maximum of ${maxBytes} bytes${rule === undefined ? '' : ` of the rule "${rule}"`}`
}

/** A body ended early: the client disconnected, or sent fewer bytes than it declared. */
export class IncompleteBodyError extends HeadgateError {
  readonly code = 'HEADGATE_INCOMPLETE_BODY'
}

/**
 * It is unknown whether an upload will be processed: the write of its record failed and the record could not be read, or neither
 * the stream nor the outbox took its event. The cause is the error of the write.
 */
export class RecordingUnknownError extends HeadgateError {
  readonly code = 'HEADGATE_RECORDING_UNKNOWN'
}

/** The content type of a file is invalid. The message is sent to the client. */
export class InvalidContentTypeError extends HeadgateError {
  readonly code = 'HEADGATE_INVALID_CONTENT_TYPE'
}

/** All files of a request are stored, but not all could be recorded. The recorded files are accepted. */
export class PartlyAcceptedError extends HeadgateError {
  readonly code = 'HEADGATE_PARTLY_ACCEPTED'

  /** @param rest the positions of the other files in the request, counted from 1 */
  constructor(
    accepted: ReadonlyArray<{ uploadId: string }>,
    rest: { rejected: readonly number[]; unknown: readonly number[] },
    cause: unknown,
  ) {
    const { rejected, unknown } = rest
    const count = accepted.length + rejected.length + unknown.length
    const sentences = [
      `${accepted.length} of the ${count} files were accepted: ${accepted.map(({ uploadId }) => uploadId).join(', ')}.`,
      rejected.length > 0 &&
        `These files, by their position in the request, were not accepted: ${rejected.join(', ')}. Send them again.`,
      unknown.length > 0 &&
        `It is unknown whether these files were accepted: ${unknown.join(', ')}. List your uploads before you send them again.`,
    ]
    super(sentences.filter(Boolean).join(' '), { cause })
  }
}
