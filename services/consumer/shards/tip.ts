import type { Clock } from '../clock.ts'
import { StreamReplyError } from '../errors.ts'
import { classifyReadError, type StreamReader } from '../stream.ts'

export interface TipSettings {
  stream: Pick<StreamReader, 'getIterator'>
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
}

/** How far before our own time to look first, in milliseconds, where that is ahead of the stream's; then ever farther. */
const FIRST_STEP_MS = 1_000
const STEP_FACTOR = 4

/** Kinesis allows 5 GetShardIterator a second and shard. */
const CALL_INTERVAL_MS = 250

/**
 * A moment that is not ahead of the stream's own clock, and behind it by little: the present. A wall clock that is ahead would
 * put LATEST into the future, and what comes until then would be lost; what one that is behind costs is some records more.
 * Kinesis tells the two apart: it refuses a timestamp that lies in its future. (kinesis-local takes any: it runs where we do.)
 *
 * @param shardId of an open shard
 * @returns epoch milliseconds
 */
export async function tipOf(shardId: string, { stream, clock, wallClock }: TipSettings): Promise<number> {
  const now = wallClock()
  for (let back = 0; back < now; back = Math.max(FIRST_STEP_MS, back * STEP_FACTOR)) {
    if (back > 0) await clock.sleep(CALL_INTERVAL_MS)
    try {
      await stream.getIterator(shardId, { type: 'AT_TIMESTAMP', at: new Date(now - back) })
      return now - back
    } catch (error) {
      if (classifyReadError(error) !== 'invalid position') throw error
    }
  }
  throw new StreamReplyError(`'${shardId}' takes no time for one that has been.`)
}
