import type { Measurements } from '../lib/report.ts'

export interface EntrySettings {
  rounds: number
  /** Very little work a round. */
  quick: boolean
  /** Says how far it is, for people. */
  progress(line: string): void
}

/** A benchmark that can be run by its name. */
export interface Entry {
  name: string
  /** What it compares, in a line. */
  summary: string
  run(settings: EntrySettings): Promise<Measurements>
}
