import { answerParent, sendToParent } from '../lib/channel.ts'

/** Counts what a consumer handled, and tells the benchmark when it has all of a round. */
export function createTally(recordsPerRound: number): (records: number) => void {
  let handled = 0
  let rounds = 0
  answerParent('handled', () => handled)
  return records => {
    handled += records
    while (handled >= (rounds + 1) * recordsPerRound) sendToParent(`round ${++rounds}`, handled)
  }
}

/** A setting that the benchmark gives its children. */
export function setting(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set.`)
  return value
}
