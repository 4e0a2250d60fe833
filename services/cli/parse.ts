import { parseArgs } from 'node:util'
import { closest, didYouMean } from '../platform/did-you-mean.ts'
import type { AnyCommand } from './command.ts'
import { UsageError } from './errors.ts'
import { commonOptions } from './help.ts'

/** A parsed command line. */
export type Request =
  | { kind: 'list'; words: string }
  | { kind: 'help'; command: AnyCommand }
  | { kind: 'version' }
  | { kind: 'run'; command: AnyCommand; options: Record<string, unknown>; operands: string[] }

/** Parses a command line. @throws UsageError */
export function parseCommandLine(args: readonly string[], commands: readonly AnyCommand[]): Request {
  const firstFlag = args.findIndex(arg => arg.startsWith('-'))
  const words = firstFlag === -1 ? args : args.slice(0, firstFlag)
  if (words.length === 0 && args[0] === '--version') return { kind: 'version' }
  const command = commands
    .filter(({ name }) => name.split(' ').every((word, index) => word === words[index]))
    .sort((a, b) => b.name.length - a.name.length)[0]
  if (!command) return listRequest(args, words, commands)
  const { values, positionals } = parse(args.slice(command.name.split(' ').length), command)
  if (values.help) return { kind: 'help', command }
  if (command.operands === undefined && positionals.length > 0) {
    throw new UsageError(
      `'headgate ${command.name}' does not take the argument '${positionals[0]}'.${seeHelp(command.name)}`,
    )
  }
  return { kind: 'run', command, options: values, operands: positionals }
}

/**
 * Handles a command line without a full command name. Returns a list of commands for help, an empty command line or a group
 * such as `dead-letters`.
 *
 * @throws UsageError for an unknown command
 */
function listRequest(args: readonly string[], words: readonly string[], commands: readonly AnyCommand[]): Request {
  const [first = '', second] = words
  const hasGroup = commands.some(({ name }) => name.startsWith(`${first} `))
  const asksHelp = args.includes('--help')
  if (first === '' && (args.length === 0 || asksHelp)) return { kind: 'list', words: '' }
  if (hasGroup && (second === undefined || asksHelp)) return { kind: 'list', words: first }
  const unknown = first === '' ? (args[0] ?? '') : hasGroup ? `${first} ${second}` : first
  // In a group, only its own commands are compared: their common first word makes any two of them similar.
  const names = commands.map(({ name }) => name.split(' ')).filter(([group]) => !hasGroup || group === first)
  const found = closest(
    hasGroup ? (second ?? '') : first,
    names.map(words => words[hasGroup ? 1 : 0] ?? ''),
  )
  const hint = found === undefined ? '' : ` Did you mean '${hasGroup ? `${first} ` : ''}${found}'?`
  throw new UsageError(`There is no command '${unknown}'.${hint}${seeHelp(hasGroup ? first : '')}`)
}

function parse(args: readonly string[], command: AnyCommand) {
  const options = { ...command.options, ...commonOptions }
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: true })
  } catch (cause) {
    // Only the first sentence of Node's message is useful here.
    const message = cause instanceof Error ? cause.message.split(/(?<=')\. /)[0] : String(cause)
    const [, unknown] = /^Unknown option '(-.*)'/.exec(message ?? '') ?? []
    const known = Object.keys(options).map(name => `--${name}`)
    const hint = unknown === undefined ? '' : didYouMean(unknown, known, "'")
    throw new UsageError(`${message?.replace(/\.$/, '')}.${hint}${seeHelp(command.name)}`, { cause })
  }
}

function seeHelp(words: string): string {
  return ` See: headgate ${words === '' ? '' : `${words} `}--help`
}
