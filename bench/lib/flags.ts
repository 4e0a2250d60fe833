import { UsageError } from '../../services/local/errors.ts'
import { numberOption, parseProgramOptions } from '../../services/local/program-options.ts'

export const DEFAULT_ROUNDS = 7
const MAX_ROUNDS = 100
export const DEFAULT_MINUTES = 10
const MAX_MINUTES = 1_440

export type BenchFlags = { help: true } | BenchSettings

export interface BenchSettings {
  help: false
  /** The names of the entries to run, in order. */
  entries: string[]
  json: boolean
  quick: boolean
  rounds: number
  minutes: number
  /** The fleets of the entry fleet, if some are given. */
  shapes?: FleetShape[]
}

interface FleetShape {
  shards: number
  workers: number
}

/** The part of an entry that the flags use. */
export interface NamedEntry {
  readonly name: string
  readonly byNameOnly?: true
}

/** Returns the usage text. */
export function benchUsage(entries: readonly (NamedEntry & { summary: string })[]): string {
  const width = Math.max(...entries.map(({ name }) => name.length))
  const lines = entries.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return `Usage: npm run bench -- [entry …] [options]

Compares Headgate with alternatives, in interleaved rounds. Without an entry, runs all entries except the long ones:

${lines.join('\n')}

  --rounds N   number of rounds (default ${DEFAULT_ROUNDS}; with --quick 1)
  --minutes N  duration of the entry memory (default ${DEFAULT_MINUTES})
  --shapes S   fleets of the entry fleet as shards x workers, such as 100x10,2000x100
  --quick      very little work in each round: shows that the benchmark works; its figures mean nothing
  --json       print one line of JSON for each entry instead of a table
  --help`
}

/** @param all all entries */
export function parseBenchFlags(args: readonly string[], all: readonly NamedEntry[]): BenchFlags {
  const names = namesOf(all)
  const flag = { type: 'boolean' } as const
  const number = { type: 'string' } as const
  const options = { json: flag, quick: flag, help: flag, rounds: number, minutes: number, shapes: number } as const
  const { values, positionals } = parseProgramOptions('npm run bench --', { args, options, allowPositionals: true })
  if (values.help) return { help: true }
  const unknown = positionals.find(name => !names.includes(name))
  if (unknown !== undefined)
    throw new UsageError(`There is no benchmark "${unknown}". The benchmarks are: ${names.join(', ')}.`)
  const quick = values.quick === true
  return {
    help: false,
    entries: positionals.length === 0 ? namesOf(all.filter(entry => !entry.byNameOnly)) : [...new Set(positionals)],
    json: values.json === true,
    quick,
    rounds:
      values.rounds === undefined
        ? quick
          ? 1
          : DEFAULT_ROUNDS
        : numberOption('rounds', values.rounds, { min: 1, max: MAX_ROUNDS }),
    minutes:
      values.minutes === undefined
        ? DEFAULT_MINUTES
        : numberOption('minutes', values.minutes, { min: 1, max: MAX_MINUTES }),
    ...(values.shapes !== undefined && { shapes: values.shapes.split(',').map(shapeOf) }),
  }
}

const namesOf = (entries: readonly NamedEntry[]) => entries.map(({ name }) => name)

const MAX_SHARDS = 2_000
const MAX_WORKERS = 100

function shapeOf(text: string): FleetShape {
  const { shards, workers } = /^(?<shards>\d{1,4})x(?<workers>\d{1,3})$/.exec(text)?.groups ?? {}
  const shape = { shards: Number(shards), workers: Number(workers) }
  const isValid = shape.shards >= 1 && shape.shards <= MAX_SHARDS && shape.workers >= 1 && shape.workers <= MAX_WORKERS
  if (isValid) return shape
  throw new UsageError(
    `--shapes must be fleets of 1 to ${MAX_SHARDS} shards and 1 to ${MAX_WORKERS} workers, such as 100x10, not "${text}".`,
  )
}
