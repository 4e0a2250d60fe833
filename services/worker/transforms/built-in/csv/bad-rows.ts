import type { BadLine } from './record-splitter.ts'

/** How many bad rows are told one by one: a file may have nothing else. */
const TOLD = 1_000

/** What was wrong with a file: the first bad rows with their lines, and how many there were. */
export interface BadRows {
  readonly count: number
  readonly first: BadLine | undefined
  add(line: BadLine): void
  /** As JSON. */
  toJson(goodRows: number): string
}

export function createBadRows(): BadRows {
  const told: BadLine[] = []
  let count = 0
  return {
    get count() {
      return count
    },
    get first() {
      return told[0]
    },
    add(line) {
      count++
      if (told.length < TOLD) told.push(line)
    },
    toJson: goodRows => `${JSON.stringify({ goodRows, badRows: count, first: told }, undefined, 2)}\n`,
  }
}
