/** The hash keys of a shard, from the first to the last, inclusive, in decimal digits. */
export interface HashRange {
  readonly startingHashKey: string | undefined
  readonly endingHashKey: string | undefined
}

/** Returns true if two ranges have a hash key in common. An unknown range may overlap with any other. */
export function overlaps(one: HashRange, other: HashRange): boolean {
  const isBefore = ({ endingHashKey: end }: HashRange, { startingHashKey: start }: HashRange) =>
    end !== undefined && start !== undefined && BigInt(end) < BigInt(start)
  return !isBefore(one, other) && !isBefore(other, one)
}

export const LAST_HASH_KEY = 2n ** 128n - 1n

/**
 * Returns the first hash key that no range covers, or undefined if they cover 0 to 2^128 − 1. Nobody reads the records
 * of an uncovered key. An unknown range covers nothing.
 */
export function findHole(ranges: readonly HashRange[]): bigint | undefined {
  const known = ranges.flatMap(({ startingHashKey, endingHashKey }) =>
    startingHashKey === undefined || endingHashKey === undefined
      ? []
      : [{ start: BigInt(startingHashKey), end: BigInt(endingHashKey) }],
  )
  let next = 0n
  for (const { start, end } of known.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))) {
    if (start > next) return next
    if (end >= next) next = end + 1n
  }
  return next > LAST_HASH_KEY ? undefined : next
}
