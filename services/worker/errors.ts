import { HeadgateError } from '../platform/errors.ts'

/**
 * A failure that no retry helps. The record becomes a dead letter and the upload `failed`, with `code` and `message`. Write the message
 * for the owner of the upload.
 */
export abstract class PermanentError extends HeadgateError {}

/** The event names a bucket that is not UPLOAD_BUCKET. Events must not give access to other buckets. */
export class ForeignBucketError extends PermanentError {
  readonly code = 'HEADGATE_FOREIGN_BUCKET'
}

/** The event names a key from which no object can be read, or for which no output could be written. */
export class UnusableKeyError extends PermanentError {
  readonly code = 'HEADGATE_UNUSABLE_KEY'
}

/** There is no object under the key: it was never written, or it was deleted. */
export class ObjectMissingError extends PermanentError {
  readonly code = 'HEADGATE_OBJECT_MISSING'
}

/** The object under the key belongs to another upload, as its metadata says. The bytes of this upload are gone. */
export class ObjectReplacedError extends PermanentError {
  readonly code = 'HEADGATE_OBJECT_REPLACED'
}

/** The SHA-256 of the object is not the one that the client announced. The file was changed on its way, or another one was sent. */
export class DigestMismatchError extends PermanentError {
  readonly code = 'HEADGATE_DIGEST_MISMATCH'
}

/** The object is archived. S3 returns it only after it was restored. */
export class ObjectArchivedError extends PermanentError {
  readonly code = 'HEADGATE_OBJECT_ARCHIVED'
}

/** Thrown by a transform to refuse an upload permanently. The worker retries after any other error. */
export class TransformError extends PermanentError {
  static readonly CODE = 'HEADGATE_TRANSFORM_REFUSED'
  readonly code = TransformError.CODE
}

/** A transform returned invalid outputs: two with the same name, no main output, or an invalid body. Its author has to fix it. */
export class InvalidOutputError extends PermanentError {
  static readonly CODE = 'HEADGATE_INVALID_OUTPUT'
  readonly code = InvalidOutputError.CODE
}

/** An output is larger than its sink accepts. */
export class OutputTooLargeError extends PermanentError {
  readonly code = 'HEADGATE_OUTPUT_TOO_LARGE'
}

/** No rule of the configuration matches the upload. */
export class NoTransformError extends PermanentError {
  readonly code = 'HEADGATE_NO_TRANSFORM'
}

/** The scan found malware. It fails an object without a record, and is the reason of an upload that is quarantined. */
export class MalwareFoundError extends PermanentError {
  readonly code = 'HEADGATE_MALWARE_FOUND'
}

/** The scanner gave no verdict until the upload was too old. A file without a verdict is not let through. */
export class NotScannedError extends PermanentError {
  readonly code = 'HEADGATE_NOT_SCANNED'
}

/** The scanner can't scan the file completely, because the file exceeds a limit of it. Such a file is not let through. */
export class ScanLimitError extends PermanentError {
  readonly code = 'HEADGATE_SCAN_LIMIT'
}

/** Retryable errors went on until the stream was about to delete the record. */
export class OverdueError extends PermanentError {
  readonly code = 'HEADGATE_OVERDUE'
}

/** The record killed workers or processes again and again. What kills a process leaves no error, so the cause is not known. */
export class PoisonRecordError extends PermanentError {
  readonly code = 'HEADGATE_POISON_RECORD'
}

/** A transform process ended before it finished an upload. */
abstract class LostProcessError extends HeadgateError {
  /** True if the process had worked on another upload before, which may be the cause. */
  readonly wasUsed: boolean

  constructor(message: string, { wasUsed, cause }: { wasUsed: boolean; cause?: unknown }) {
    super(message, { cause })
    this.wasUsed = wasUsed
  }
}

/** A transform process ended during the work on an upload: it crashed, or a module ended it. The next attempt may succeed. */
export class ProcessEndedError extends LostProcessError {
  readonly code = 'HEADGATE_PROCESS_ENDED'
}

/** The work on an upload exceeded a limit of its process. Something else may have contributed, so it is retried. */
export class ProcessLimitError extends LostProcessError {
  readonly code = 'HEADGATE_PROCESS_LIMIT'
}

/** No transform process could be started. That says nothing about the upload. */
export class ProcessStartError extends HeadgateError {
  readonly code = 'HEADGATE_PROCESS_START'
}

/** The scanner is down, hangs, or reports an error of its own. That says nothing about the upload. */
export class ScannerUnavailableError extends HeadgateError {
  readonly code = 'HEADGATE_SCANNER_UNAVAILABLE'
}

/** The object under the key is not the one that was scanned. The next attempt scans it. */
export class ObjectChangedError extends HeadgateError {
  readonly code = 'HEADGATE_OBJECT_CHANGED'
}

/** Two runs of the same upload removed outputs of each other. The run that gets this error is retried. */
export class OutputsTakenError extends HeadgateError {
  readonly code = 'HEADGATE_OUTPUTS_TAKEN'
}

/** The record takes longer than the time-out of the Lambda function, in every attempt. */
export class TooSlowError extends PermanentError {
  readonly code = 'HEADGATE_TOO_SLOW'
}

/** The reason of the abort of a record whose function has no time left. It is no failure of the record. */
export class OutOfTimeError extends HeadgateError {
  readonly code = 'HEADGATE_OUT_OF_TIME'
}

/** The function was invoked with an event that is not from a Kinesis event source mapping. Lambda reports a failed invocation. */
export class NotKinesisEventError extends HeadgateError {
  readonly code = 'HEADGATE_NOT_A_KINESIS_EVENT'
}

/** The transform of a rule can't be created. `part` is the part of the rule at fault, and the message says what to do. */
export class TransformSourceError extends HeadgateError {
  readonly code = 'HEADGATE_TRANSFORM_SOURCE'
  readonly part: 'module' | 'export' | 'options'

  constructor(part: TransformSourceError['part'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.part = part
  }
}
