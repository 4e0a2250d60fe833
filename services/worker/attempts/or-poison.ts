import { PoisonRecordError, ThreadEndedError } from '../errors.ts'

/** Tries of a record by this process that may end with the end of a thread. */
const TRIES = 3

/** What an error means for the record that it is of: itself, or that it is given up, having ended one thread after another. */
export function orPoison(error: unknown, attempt: number): unknown {
  if (!(error instanceof ThreadEndedError) || attempt < TRIES) return error
  return new PoisonRecordError(`The work on it ended its thread ${attempt} times: it is not tried again.`, {
    cause: error,
  })
}
