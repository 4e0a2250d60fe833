import { InvalidEventError } from '../../uploads/errors.ts'
import type { UploadFailure } from '../../uploads/records/record.ts'
import { ObjectArchivedError, ObjectMissingError, PermanentError, UnusableKeyError } from '../errors.ts'

/** The longest reason that is recorded, in UTF-16 units: a transform may have put anything in its message. */
const MAX_REASON = 1_000

/**
 * Tells what no retry mends from what one may. Whatever is not known to be permanent is transient: throttling, 5xx, a
 * dead network, and an operator's mistakes too (no permission, no bucket, no table), because giving up on those would
 * turn every upload of the hour into a failed one.
 *
 * @returns what to record of a permanent failure, undefined for a transient one
 */
export function permanentFailure(error: unknown): UploadFailure | undefined {
  if (!(error instanceof PermanentError || error instanceof InvalidEventError)) return undefined
  return { code: error.code, reason: error.message.slice(0, MAX_REASON).toWellFormed() }
}

/** How many causes of an error are kept: one under the other, they could go round in a circle. */
const MAX_CAUSES = 5

/** The messages of what lay under an error, outermost first: for an operator. A transform's own error may say more than its reason. */
export function causesOf(error: unknown): string[] {
  const causes: string[] = []
  let cause = error instanceof Error ? error.cause : undefined
  for (; cause !== undefined && causes.length < MAX_CAUSES; cause = cause instanceof Error ? cause.cause : undefined) {
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    causes.push(text.slice(0, MAX_REASON).toWellFormed())
  }
  return causes
}

/** What S3's answer to reading an upload means: the permanent ones as errors of ours, anything else as it came. */
export function readError(error: unknown, key: string): unknown {
  switch (error instanceof Error ? error.name : undefined) {
    case 'NoSuchKey':
      return new ObjectMissingError(`There is no object under the key "${key}".`, { cause: error })
    case 'InvalidObjectState':
      return new ObjectArchivedError('The object is archived and must be restored before it can be processed.', {
        cause: error,
      })
    case 'KeyTooLongError':
    case 'InvalidURI':
      return new UnusableKeyError('S3 does not take the key of the object.', { cause: error })
    default:
      return error
  }
}
