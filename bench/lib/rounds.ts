/**
 * Returns the order of the contenders in each round. Every other round is reversed, so that no contender is always
 * first.
 */
export function interleave<T>(contenders: readonly T[], rounds: number): T[][] {
  return Array.from({ length: rounds }, (_, round) => (round % 2 === 0 ? [...contenders] : contenders.toReversed()))
}
