import type { Measurements } from '../lib/report.ts'

export interface EntrySettings {
  rounds: number
  /** Very little work a round. */
  quick: boolean
  /** How long an entry takes that watches something for a while. */
  minutes: number
  /** Says how far it is, for people. */
  progress(line: string): void
}

/** A benchmark that can be run by its name. */
export interface Entry {
  name: string
  /** What it compares, in a line. */
  summary: string
  /** Takes so long that it is run by its name alone. */
  byNameOnly?: true
  /** Some measure more than one thing, and have a table of each. */
  run(settings: EntrySettings): Promise<Measurements | readonly Measurements[]>
}
