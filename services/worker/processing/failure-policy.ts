import { OverdueError } from '../errors.ts'
import type { StreamRecord } from '../stream-record.ts'

/** A record of the past may fail for a moment like any other: it gets so many tries by this process before it is given up. */
const TRIES = 3

export interface OverdueSettings {
  /** How old a record may be that still fails, in milliseconds. */
  giveUpAfterMs: number
  /** Epoch milliseconds. */
  now: () => number
}

/**
 * What an error means for the record that it is of: itself, or where the record is so old that the stream will soon have
 * forgotten it, that it is given up. As a dead letter it is kept, and can be redriven once the trouble is over.
 */
export function orOverdue(
  error: unknown,
  { arrivedAt }: StreamRecord,
  attempt: number,
  { giveUpAfterMs, now }: OverdueSettings,
): unknown {
  if (arrivedAt === undefined || attempt < TRIES || now() - arrivedAt.getTime() < giveUpAfterMs) return error
  const hours = Math.floor(giveUpAfterMs / 3_600_000)
  return new OverdueError(`It could not be processed for ${hours} hours, by trouble that may have passed since.`, {
    cause: error,
  })
}
