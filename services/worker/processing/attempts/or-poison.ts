import { PoisonRecordError, ProcessEndedError, ProcessLimitError, TransformError } from '../../errors.ts'

/** Tries of a record by this worker that may end with the end of a process. */
const TRIES = 3
/** Tries that may go over a limit. */
const LIMIT_TRIES = 2

/**
 * Returns what an error means for its record: itself, or that the record is given up after it ended one process after another. A
 * process that another upload had used before is no evidence against the record. The next try is in a new process.
 */
export function orPoison(error: unknown, attempt: number): unknown {
  if ((error instanceof ProcessLimitError || error instanceof ProcessEndedError) && error.wasUsed) return error
  if (error instanceof ProcessLimitError && attempt >= LIMIT_TRIES) {
    return new TransformError(error.message, { cause: error })
  }
  if (!(error instanceof ProcessEndedError) || attempt < TRIES) return error
  return new PoisonRecordError(`The work on it ended its process ${attempt} times: it is not retried.`, {
    cause: error,
  })
}
