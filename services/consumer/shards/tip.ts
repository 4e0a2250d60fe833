import type { Clock } from '../clock.ts'
import { StreamReplyError } from '../errors.ts'
import { classifyReadError, type StreamReader } from '../stream.ts'

export interface TipSettings {
  stream: Pick<StreamReader, 'getIterator'>
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
}

/** First step back, in milliseconds, if the local clock is ahead of the clock of the stream. Further steps grow. */
const FIRST_STEP_MS = 1_000
const STEP_FACTOR = 4

/** Kinesis allows 5 GetShardIterator a second and shard. */
const CALL_INTERVAL_MS = 250

/**
 * Returns the present, as a time that is not ahead of the clock of the stream and only slightly behind it. With a wall
 * clock that is ahead, LATEST would be in the future, and records until then would be lost. A clock that is behind only
 * delivers a few more records. Kinesis rejects a timestamp in its future, which shows the difference. (kinesis-local
 * accepts any timestamp, but it runs on the same clock.)
 *
 * @param shardId an open shard
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
  throw new StreamReplyError(`'${shardId}' rejects every timestamp as one in the future.`)
}
