import { InvalidEventError } from '../../uploads/errors.ts'
import type { UploadFailure } from '../../uploads/records/record.ts'
import {
  OverdueError,
  PermanentError,
  PoisonRecordError,
  ProcessEndedError,
  ProcessLimitError,
  TooSlowError,
  TransformError,
} from '../errors.ts'
import type { Attempts } from './attempts/attempt-store.ts'

/** How often a record may fail, by the kind of failure, before it is dead-lettered. */
export const FAILURE_LIMITS = {
  /** Attempts by one worker in which the transform process ended. */
  processEnds: 3,
  /** Attempts by one worker in which the transform process exceeded a limit. */
  processLimits: 2,
  /** Attempts by one worker of a record that is older than `giveUpAfterMs`: an old record may also fail for just a moment. */
  overdueAttempts: 3,
  /**
   * Deaths of workers in a row. The first one counts against every record that was in flight on that worker. The death before it is
   * never counted, because no record was suspect then. Each death costs the fleet a worker for a while. A harmless record reaches
   * this limit only if its worker is killed from outside during each of its attempts.
   */
  workerDeaths: 4,
  /** Attempts that had all the time of a Lambda function and did not finish. */
  outOfTime: 3,
} as const

/** Maximum length of a recorded reason, in UTF-16 units. A transform may put anything into its error message. */
const MAX_REASON = 1_000

export interface FailedAttempt {
  /** 1 for the first attempt of this record by this process. */
  attempt: number
  /** When Kinesis received the record, if that is known. */
  arrivedAt: Date | undefined
  /** Maximum age of a record that keeps failing, in milliseconds. */
  giveUpAfterMs: number
  /** Epoch milliseconds. */
  now: number
}

/** A record that is dead-lettered: the error that decided it, and what is recorded about it. */
export interface PermanentFailure {
  error: Error
  failure: UploadFailure
}

/** Decides whether a failed record is dead-lettered. Returns undefined if the record should be retried. */
export function permanentFailure(thrown: unknown, attempt: FailedAttempt): PermanentFailure | undefined {
  const error = afterProcessAttempts(thrown, attempt)
  // A permanent error says more than the age of the record does.
  return describePermanent(error) ?? describePermanent(afterMaxAge(error, attempt))
}

/** @throws PoisonRecordError, TooSlowError for a record that must not be started again */
export function checkAttempts({ died, outOfTime }: Attempts): void {
  if (died >= FAILURE_LIMITS.workerDeaths) {
    throw new PoisonRecordError(`${died} workers in a row died while they processed this record. It is not retried.`)
  }
  if (outOfTime >= FAILURE_LIMITS.outOfTime) {
    throw new TooSlowError(
      `The record was not processed within the time-out of the Lambda function, ${outOfTime} times in a row.`,
    )
  }
}

/**
 * Returns what to record about a permanent error, or undefined for a transient one. Every error that is not known to be permanent is
 * transient: throttling, 5xx, network errors, and mistakes of an operator such as a missing permission, bucket or table. To
 * dead-letter those would fail every upload of the hour.
 */
function describePermanent(error: unknown): PermanentFailure | undefined {
  if (!(error instanceof PermanentError || error instanceof InvalidEventError)) return undefined
  return { error, failure: { code: error.code, reason: error.message.slice(0, MAX_REASON).toWellFormed() } }
}

/**
 * A process that another upload had used before is no evidence against the record: that upload may have filled or broken it. The next
 * attempt runs in a new process.
 */
function afterProcessAttempts(error: unknown, { attempt }: FailedAttempt): unknown {
  const isOfProcess = error instanceof ProcessLimitError || error instanceof ProcessEndedError
  if (!isOfProcess || error.wasUsed) return error
  if (error instanceof ProcessLimitError) {
    return attempt < FAILURE_LIMITS.processLimits ? error : new TransformError(error.message, { cause: error })
  }
  if (attempt < FAILURE_LIMITS.processEnds) return error
  return new PoisonRecordError(
    `The transform process ended in ${attempt} attempts of this record. The record is not retried.`,
    { cause: error },
  )
}

/** The stream soon deletes such an old record. A dead letter keeps the record, and can be redriven when the cause is fixed. */
function afterMaxAge(error: unknown, { attempt, arrivedAt, giveUpAfterMs, now }: FailedAttempt): unknown {
  if (arrivedAt === undefined || attempt < FAILURE_LIMITS.overdueAttempts) return error
  if (now - arrivedAt.getTime() < giveUpAfterMs) return error
  const hours = Math.floor(giveUpAfterMs / 3_600_000)
  return new OverdueError(`The record kept failing with retryable errors for ${hours} hours.`, { cause: error })
}
