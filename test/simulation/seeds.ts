import { simulate } from './simulate.ts'
import type { Violation } from './world.ts'

/** Consecutive seeds, and how to run them. */
export interface SeedRange {
  readonly first: number
  readonly count: number
  /** Runs every seed twice and compares the traces. */
  readonly twice: boolean
  /** Continues after a failed seed. */
  readonly all: boolean
}

export interface FailedSeed {
  readonly seed: number
  /** Undefined if the two traces of the run differ. */
  readonly violation: Violation | undefined
  /** A hash of the whole trace, or the two different ones. */
  readonly hash: string
  readonly trace: readonly string[]
}

export interface SeedResults {
  readonly seeds: number
  readonly events: number
  /** Virtual milliseconds. */
  readonly lasted: number
  readonly failed: readonly FailedSeed[]
  /** Resident memory of the process at the end, in bytes. */
  readonly memoryBytes: number
}

/** Runs seeds one after another, up to the first failure, or all of them if requested. */
export async function runSeeds({ first, count, twice, all }: SeedRange): Promise<SeedResults> {
  const failed: FailedSeed[] = []
  let [seeds, events, lasted] = [0, 0, 0]
  for (let seed = first; seed < first + count && (all || failed.length === 0); seed++) {
    const { violation, hash, trace, ...outcome } = await simulate(seed)
    seeds++
    events += outcome.events
    lasted += outcome.lasted
    const again = twice ? (await simulate(seed)).hash : hash
    if (again !== hash) failed.push({ seed, violation: undefined, hash: `${hash} and ${again}`, trace })
    else if (violation) failed.push({ seed, violation, hash, trace })
  }
  return { seeds, events, lasted, failed, memoryBytes: process.memoryUsage.rss() }
}
