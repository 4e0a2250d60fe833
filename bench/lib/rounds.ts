/** The turns of a benchmark, round by round. Every other round runs backwards: nobody is always the one who goes first. */
export function interleave<T>(contenders: readonly T[], rounds: number): T[][] {
  return Array.from({ length: rounds }, (_, round) => (round % 2 === 0 ? [...contenders] : contenders.toReversed()))
}
