export interface DrainInput {
  /** Records fetched and not done. */
  readonly pending: number
  /** Records done a second, of late; undefined while not known. */
  readonly recordsPerSecond: number | undefined
  /** Milliseconds between the last record fetched and the tip of the shard; undefined before the first fetch. */
  readonly millisBehindLatest: number | undefined
  /** Milliseconds of the stream read in a millisecond of time: 1 keeps up, 2 gains a second every second. */
  readonly speed: number | undefined
}

/**
 * About how many milliseconds it takes until everything in the shard is done, at the pace of late: a signal to scale by.
 * What waits in memory takes `pending / recordsPerSecond`. What is not fetched yet is known in milliseconds alone: a reader
 * `millisBehindLatest` behind the tip that reads `speed` times as fast as time goes by gains `speed - 1` on it, and gets
 * there after `millisBehindLatest / (speed - 1)`. While the tip is behind, reading is held up by the handlers through the
 * byte budget, so its speed is theirs. The two go on at the same time: the longer one counts.
 *
 * @returns 0 where nothing is left, Infinity where the shard falls behind, undefined while nothing can be said
 */
export function timeToDrainMs(input: DrainInput): number | undefined {
  const buffered = bufferedMs(input)
  const unread = unreadMs(input)
  if (buffered === undefined || unread === undefined) return undefined
  return Math.max(buffered, unread)
}

function bufferedMs({ pending, recordsPerSecond }: DrainInput): number | undefined {
  if (pending === 0) return 0
  if (recordsPerSecond === undefined) return undefined
  return (pending / recordsPerSecond) * 1_000
}

function unreadMs({ millisBehindLatest, speed }: DrainInput): number | undefined {
  if (millisBehindLatest === undefined || millisBehindLatest === 0) return millisBehindLatest
  if (speed === undefined) return undefined
  return speed > 1 ? millisBehindLatest / (speed - 1) : Number.POSITIVE_INFINITY
}
