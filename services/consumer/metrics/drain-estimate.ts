/** The status of one shard, as `timeToDrainMs` needs it. */
export interface DrainInput {
  /** Number of records that were fetched and are not done. */
  readonly pending: number
  /** Recent number of records done per second; undefined while unknown. */
  readonly recordsPerSecond: number | undefined
  /**
   * How far the last fetched record is behind the tip of the shard, in milliseconds; undefined before the first fetch.
   */
  readonly millisBehindLatest: number | undefined
  /**
   * Milliseconds of the stream read per millisecond of time. At 1 the reader keeps up; at 2 it gains a second every
   * second.
   */
  readonly speed: number | undefined
}

/**
 * Estimates the milliseconds until every record of the shard is done, at the recent rate. Use it as a signal for
 * scaling. Records in memory take `pending / recordsPerSecond`. Records not yet fetched are known only in milliseconds:
 * a reader that is `millisBehindLatest` behind the tip and reads at `speed` gains `speed - 1` and arrives after
 * `millisBehindLatest / (speed - 1)`. Behind the tip, the byte budget limits the reader to the speed of the handlers.
 * Both proceed at the same time, so the longer time counts.
 *
 * @returns 0 if nothing is left, Infinity if the shard falls behind, undefined while unknown
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
