/** A shard's part of the hash keys, both ends included, as decimal digits. */
export interface HashRange {
  readonly startingHashKey: string | undefined
  readonly endingHashKey: string | undefined
}

/** Whether two ranges have a hash key in common. A range that is not known may have any. */
export function overlaps(one: HashRange, other: HashRange): boolean {
  const isBefore = ({ endingHashKey: end }: HashRange, { startingHashKey: start }: HashRange) =>
    end !== undefined && start !== undefined && BigInt(end) < BigInt(start)
  return !isBefore(one, other) && !isBefore(other, one)
}

export const LAST_HASH_KEY = 2n ** 128n - 1n

/**
 * The first hash key that none of the ranges covers, or undefined where they cover 0 to 2^128 − 1. Records of a key in a hole
 * are read by nobody. A range that is not known covers nothing.
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
