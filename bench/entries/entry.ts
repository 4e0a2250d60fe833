import type { Measurements } from '../lib/report.ts'

export interface EntrySettings {
  rounds: number
  /** True for very little work in each round. */
  quick: boolean
  /** The duration of entries that watch something for a while. */
  minutes: number
  /** The fleets to measure, for the entry `fleet`. Undefined: its own ones. */
  shapes?: ReadonlyArray<{ readonly shards: number; readonly workers: number }>
  /** Reports progress to the user. */
  progress(line: string): void
}

/** A benchmark that can be run by its name. */
export interface Entry {
  name: string
  /** One line that says what it compares. */
  summary: string
  /** True if it runs only when it is named, because it takes long. */
  byNameOnly?: true
  /** Resolves to the measurements. Several measurements have a table each. */
  run(settings: EntrySettings): Promise<Measurements | readonly Measurements[]>
}
