import { parseArgs } from 'node:util'
import { UsageError } from '../../services/local/errors.ts'

export const DEFAULT_ROUNDS = 7
const MAX_ROUNDS = 100

export type BenchFlags = { help: true } | BenchSettings

export interface BenchSettings {
  help: false
  /** The names of the entries to run, in order. */
  entries: string[]
  json: boolean
  quick: boolean
  rounds: number
}

/** What there is to run, for people. */
export function benchUsage(entries: readonly { name: string; summary: string }[]): string {
  const width = Math.max(...entries.map(({ name }) => name.length))
  const lines = entries.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return `Usage: npm run bench -- [entry …] [options]

Compares Headgate with what it stands beside, in interleaved rounds. Without an entry, runs them all:

${lines.join('\n')}

  --rounds N   how often each is measured (default ${DEFAULT_ROUNDS}; with --quick 1)
  --quick      very little work a round: shows that the benchmark runs, its figures mean nothing
  --json       one line of JSON an entry, in place of the table
  --help`
}

/**
 * @param names the entries that there are
 * @throws UsageError
 */
export function parseBenchFlags(args: readonly string[], names: readonly string[]): BenchFlags {
  const { values, positionals } = parse(args)
  if (values.help) return { help: true }
  const unknown = positionals.find(name => !names.includes(name))
  if (unknown !== undefined) throw new UsageError(`There is no benchmark "${unknown}". There is: ${names.join(', ')}.`)
  const quick = values.quick === true
  return {
    help: false,
    entries: positionals.length === 0 ? [...names] : [...new Set(positionals)],
    json: values.json === true,
    quick,
    rounds: values.rounds === undefined ? (quick ? 1 : DEFAULT_ROUNDS) : roundsOf(values.rounds),
  }
}

function parse(args: readonly string[]) {
  const flag = { type: 'boolean' } as const
  const options = { json: flag, quick: flag, help: flag, rounds: { type: 'string' } } as const
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: true })
  } catch (cause) {
    // Node's message goes on to explain how to pass what looks like a flag as an argument: no entry looks like one.
    const message = cause instanceof Error ? cause.message.split(/(?<=')\. /)[0] : String(cause)
    throw new UsageError(`${message}. See: npm run bench -- --help`, { cause })
  }
}

function roundsOf(value: string): number {
  const rounds = Number(value)
  if (/^\d{1,3}$/.test(value) && rounds >= 1 && rounds <= MAX_ROUNDS) return rounds
  throw new UsageError(`--rounds must be a number from 1 to ${MAX_ROUNDS}, not "${value}".`)
}
