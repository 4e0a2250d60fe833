import { answerParent, sendToParent } from '../lib/channel.ts'

/** Counts the records that a consumer handled, and reports the end of each round to the benchmark. */
export function createTally(recordsPerRound: number): (records: number) => void {
  let handled = 0
  let rounds = 0
  answerParent('handled', () => handled)
  return records => {
    handled += records
    while (handled >= (rounds + 1) * recordsPerRound) sendToParent(`round ${++rounds}`, handled)
  }
}

/** Returns a variable that the benchmark sets for its children. */
export function setting(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set.`)
  return value
}
