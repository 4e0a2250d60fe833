import { type ParseArgsConfig, parseArgs } from 'node:util'
import { didYouMean } from '../platform/did-you-mean.ts'
import { UsageError } from './errors.ts'

/** The command line of a program that is run by npm, such as `npm start`. All of them are parsed in the same way. */
export interface ProgramOptions extends ParseArgsConfig {
  args: readonly string[]
  options: NonNullable<ParseArgsConfig['options']> & { help: { type: 'boolean' } }
}

/**
 * Parses a command line.
 *
 * @param command what the user typed, such as `npm start --`. An error refers to its `--help`
 * @throws UsageError
 */
export function parseProgramOptions<const Config extends ProgramOptions>(
  command: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config)
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    // Node's message then explains how to pass a positional argument that looks like an option. No program takes one.
    const [message = ''] = cause.message.split(/(?<=')\. /)
    const [, unknown] = /^Unknown option '--?([^']+)'/.exec(message) ?? []
    const meant = unknown === undefined ? '' : didYouMean(`--${unknown}`, namesOf(config.options), "'")
    throw new UsageError(`${message.replace(/\.$/, '')}.${meant} See: ${command} --help`, { cause })
  }
}

const namesOf = (options: ProgramOptions['options']) => Object.keys(options).map(name => `--${name}`)

/** The bounds of an option that is a number. Both are included. */
export interface NumberBounds {
  min: number
  /** Default: as large as a number can be exact. */
  max?: number
  /** True if the number may have a fraction. Default false. */
  fraction?: boolean
}

/**
 * Returns the number that an option has.
 *
 * @throws UsageError
 */
export function numberOption(
  name: string,
  value: string,
  { min, max = Number.MAX_SAFE_INTEGER, fraction = false }: NumberBounds,
): number {
  const number = Number(value)
  const isNumber = fraction ? /^\d+(\.\d+)?$/.test(value) : /^\d+$/.test(value)
  if (isNumber && number >= min && number <= max) return number
  const kind = fraction ? 'a number' : 'a whole number'
  const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  throw new UsageError(`--${name} must be ${kind} ${bounds}, not "${value}".`)
}

/** Returns the value of an option that has only some values. @throws UsageError */
export function choiceOption<const Choice extends string>(
  name: string,
  value: string,
  choices: readonly Choice[],
): Choice {
  const found = choices.find(choice => choice === value)
  if (found !== undefined) return found
  const meant = didYouMean(value, choices)
  throw new UsageError(`--${name} must be one of ${choices.join(', ')}, not "${value}".${meant}`)
}
