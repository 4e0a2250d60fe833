import { parseArgs } from 'node:util'
import type { AnyCommand } from './command.ts'
import { UsageError } from './errors.ts'
import { commonOptions } from './help.ts'

/** What a command line asks for. */
export type Request =
  | { kind: 'list'; words: string }
  | { kind: 'help'; command: AnyCommand }
  | { kind: 'version' }
  | { kind: 'run'; command: AnyCommand; options: Record<string, unknown>; operands: string[] }

/** @throws UsageError */
export function parseCommandLine(args: readonly string[], commands: readonly AnyCommand[]): Request {
  const firstFlag = args.findIndex(arg => arg.startsWith('-'))
  const words = firstFlag === -1 ? args : args.slice(0, firstFlag)
  if (words.length === 0 && args[0] === '--version') return { kind: 'version' }
  const command = commands
    .filter(({ name }) => name.split(' ').every((word, index) => word === words[index]))
    .sort((a, b) => b.name.length - a.name.length)[0]
  if (!command) return listOf(args, words, commands)
  const { values, positionals } = parse(args.slice(command.name.split(' ').length), command)
  if (values.help) return { kind: 'help', command }
  if (command.operands === undefined && positionals.length > 0) {
    throw new UsageError(
      `'headgate ${command.name}' takes no argument such as '${positionals[0]}'.${seeHelp(command.name)}`,
    )
  }
  return { kind: 'run', command, options: values, operands: positionals }
}

/** No command is named in full: the list of those that begin like this, where somebody asks for help or for nothing at all. */
function listOf(args: readonly string[], words: readonly string[], commands: readonly AnyCommand[]): Request {
  const [first = '', second] = words
  const hasGroup = commands.some(({ name }) => name.startsWith(`${first} `))
  const asksHelp = args.includes('--help')
  if (first === '' && (args.length === 0 || asksHelp)) return { kind: 'list', words: '' }
  if (hasGroup && (second === undefined || asksHelp)) return { kind: 'list', words: first }
  const wrong = first === '' ? (args[0] ?? '') : hasGroup ? `${first} ${second}` : first
  throw new UsageError(`There is no command '${wrong}'.${seeHelp(hasGroup ? first : '')}`)
}

function parse(args: readonly string[], command: AnyCommand) {
  const options = { ...command.options, ...commonOptions }
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: true })
  } catch (cause) {
    // Node's message goes on to explain how to pass what looks like an option as an argument.
    const message = cause instanceof Error ? cause.message.split(/(?<=')\. /)[0] : String(cause)
    throw new UsageError(`${message?.replace(/\.$/, '')}.${seeHelp(command.name)}`, { cause })
  }
}

function seeHelp(words: string): string {
  return ` See: headgate ${words === '' ? '' : `${words} `}--help`
}
