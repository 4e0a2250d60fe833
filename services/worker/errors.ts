import { HeadgateError } from '../platform/errors.ts'

/**
 * A failure that no retry mends. The record it is of ends as a dead letter, the upload as `failed`, with `code` and
 * `message`: write the message for the upload's owner.
 */
export abstract class PermanentError extends HeadgateError {}

/** The event names a bucket that uploads do not lie in. A stream must not be a way to read other buckets. */
export class ForeignBucketError extends PermanentError {
  readonly code = 'HEADGATE_FOREIGN_BUCKET'
}

/** The event names a key that no object can be read from, or that nothing could be written for. */
export class UnusableKeyError extends PermanentError {
  readonly code = 'HEADGATE_UNUSABLE_KEY'
}

/** There is no object under the key: never written, or deleted since. */
export class ObjectMissingError extends PermanentError {
  readonly code = 'HEADGATE_OBJECT_MISSING'
}

/** Another upload's object lies under the key by now, as its own metadata says: the bytes of this one are gone. */
export class ObjectReplacedError extends PermanentError {
  readonly code = 'HEADGATE_OBJECT_REPLACED'
}

/** The object is there and S3 does not give it out before somebody restores it from its archive. */
export class ObjectArchivedError extends PermanentError {
  readonly code = 'HEADGATE_OBJECT_ARCHIVED'
}

/** A transform's own refusal: this content will never become an output. Everything else it throws counts as transient. */
export class TransformError extends PermanentError {
  static readonly CODE = 'HEADGATE_TRANSFORM_REFUSED'
  readonly code = TransformError.CODE
}

/** A transform gave what no output can be: a name twice, no main output, a body that is none. Its author has to mend it. */
export class InvalidOutputError extends PermanentError {
  static readonly CODE = 'HEADGATE_INVALID_OUTPUT'
  readonly code = InvalidOutputError.CODE
}

/** An output is larger than what it is written to takes. */
export class OutputTooLargeError extends PermanentError {
  readonly code = 'HEADGATE_OUTPUT_TOO_LARGE'
}

/** No rule of the configuration has the upload. */
export class NoTransformError extends PermanentError {
  readonly code = 'HEADGATE_NO_TRANSFORM'
}

/** Trouble that should have passed did not, until the record was about to be lost with the stream's memory of it. */
export class OverdueError extends PermanentError {
  readonly code = 'HEADGATE_OVERDUE'
}

/** Workers died of the record, again and again. Nothing is known but that: what kills a process leaves no error. */
export class PoisonRecordError extends PermanentError {
  readonly code = 'HEADGATE_POISON_RECORD'
}

/** A process did not live to finish an upload. */
abstract class LostProcessError extends HeadgateError {
  /** True if the process had worked on another upload before: what that left behind may be the reason. */
  readonly wasUsed: boolean

  constructor(message: string, { wasUsed, cause }: { wasUsed: boolean; cause?: unknown }) {
    super(message, { cause })
    this.wasUsed = wasUsed
  }
}

/** A process ended during the work on an upload: by a crash, or because a module ended it. It may not the next time. */
export class ProcessEndedError extends LostProcessError {
  readonly code = 'HEADGATE_PROCESS_ENDED'
}

/** The work on an upload was over the limits of its process, which something else may have had a part in. */
export class ProcessLimitError extends LostProcessError {
  readonly code = 'HEADGATE_PROCESS_LIMIT'
}

/** No process could be had for the work on an upload: that says nothing about the upload. */
export class ProcessStartError extends HeadgateError {
  readonly code = 'HEADGATE_PROCESS_START'
}

/** Two runs of the same upload were in each other's way. Whoever is told does it again. */
export class OutputsTakenError extends HeadgateError {
  readonly code = 'HEADGATE_OUTPUTS_TAKEN'
}

/** The record takes longer than a function is given, however often it is begun. */
export class TooSlowError extends PermanentError {
  readonly code = 'HEADGATE_TOO_SLOW'
}

/** Why a record is called off whose function has no time left: no failure of the record's. */
export class OutOfTimeError extends HeadgateError {
  readonly code = 'HEADGATE_OUT_OF_TIME'
}

/** The function was invoked with an event that is not of an event source mapping of Kinesis. Lambda reports it as a failed invocation. */
export class NotKinesisEventError extends HeadgateError {
  readonly code = 'HEADGATE_NOT_A_KINESIS_EVENT'
}
