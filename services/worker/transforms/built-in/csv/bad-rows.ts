import type { BadLine } from './record-splitter.ts'

/** Maximum number of bad rows that are reported one by one, because a file may consist of bad rows. */
const MAX_REPORTED = 1_000

/** Collects the first bad rows of a file with their lines, and counts all. */
export interface BadRows {
  readonly count: number
  readonly first: BadLine | undefined
  add(line: BadLine): void
  /** Returns the report as JSON. */
  toJson(goodRows: number): string
}

export function createBadRows(): BadRows {
  const reported: BadLine[] = []
  let count = 0
  return {
    get count() {
      return count
    },
    get first() {
      return reported[0]
    },
    add(line) {
      count++
      if (reported.length < MAX_REPORTED) reported.push(line)
    },
    toJson: goodRows => `${JSON.stringify({ goodRows, badRows: count, first: reported }, undefined, 2)}\n`,
  }
}
