import { CommanderError, Help, Option, Command as Parser } from 'commander'
import { closest } from '../platform/did-you-mean.ts'
import { version } from '../platform/version.ts'
import { type AnyCommand, type CommandOption, GROUPS } from './command.ts'
import { UsageError } from './errors.ts'

/** What a command line asks for. Help and the version are printed while the line is parsed. */
export type Request =
  | { kind: 'printed' }
  | { kind: 'run'; command: AnyCommand; json: boolean; options: Record<string, unknown>; operands: string[] }

const FOOTER = `
\`headgate COMMAND --help\` describes a command. Exit codes: 0 done, 1 failed or refused, 2 invalid command line,
130 stopped by Ctrl-C.`

/**
 * Parses a command line.
 *
 * @param commands the commands that the line may mean, or all of them for the help
 * @param stdout gets the text that `--help` and `--version` ask for
 * @throws UsageError
 */
export function parseCommandLine(
  args: readonly string[],
  commands: readonly AnyCommand[],
  stdout: (text: string) => void,
): Request {
  let request: Request = { kind: 'printed' }
  let helpOfGroup = ''
  const program = prepare(new Parser('headgate'))
    .version(version(), '--version', 'print the version')
    .option('--json', 'print one JSON object per line, for scripts. Also prints errors as JSON')
    .configureHelp({
      showGlobalOptions: true,
      // Lists the commands of groups too, by all of their words.
      visibleCommands: parser => leavesOf(parser),
      subcommandTerm: parser => pathOf(parser).split(' ').slice(1).join(' '),
    })
    .configureOutput({
      writeOut: text => stdout(text.trimEnd()),
      // A line that names no command, or only a group, is no error: its help goes to stdout.
      writeErr: text => {
        helpOfGroup += text
      },
      outputError: () => undefined,
    })
    .addHelpText('after', FOOTER)
  for (const command of commands) {
    const words = command.name.split(' ')
    const parser = addParser(groupOf(program, words.slice(0, -1)), words.at(-1) ?? '', command.isHidden)
    describe(parser, command).action((operands: string[]) => {
      request = {
        kind: 'run',
        command,
        json: program.opts().json === true,
        options: valuesOf(parser, command),
        operands,
      }
    })
  }
  try {
    program.parse(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.help') stdout(helpOfGroup.trimEnd())
  }
  return request
}

function prepare(parser: Parser): Parser {
  return parser
    .helpCommand(false)
    .helpOption('-h, --help', 'print this text')
    .exitOverride(error => {
      const isNoError = error.exitCode === 0 || error.code === 'commander.help'
      throw isNoError ? error : usageError(error, parser)
    })
}

function addParser(parent: Parser, word: string, isHidden = false): Parser {
  const parser = prepare(new Parser(word).copyInheritedSettings(parent))
  parent.addCommand(parser, { hidden: isHidden })
  return parser
}

/** Returns the parser of the words before the last one, such as that of `dead-letters`. */
function groupOf(program: Parser, words: readonly string[]): Parser {
  return words.reduce(
    (parent, word) => parent.commands.find(command => command.name() === word) ?? addParser(parent, word),
    program,
  )
}

/** Returns the commands below a parser that are not hidden. */
function leavesOf(parser: Parser): Parser[] {
  const visible = new Help().visibleCommands(parser)
  return visible.flatMap(command => (command.commands.length === 0 ? [command] : leavesOf(command)))
}

function describe(parser: Parser, command: AnyCommand): Parser {
  const { summary, details, operands, options, config, group = 'operate' } = command
  parser
    .summary(summary)
    .description(details === undefined ? `${summary}.` : `${summary}.\n\n${unwrapped(details)}`)
    .usage(operands === undefined ? '[options]' : `${operands} [options]`)
    .helpGroup(GROUPS[group])
  for (const [flag, option] of Object.entries(options)) parser.addOption(optionOf(flag, option))
  // The command checks how many it needs, with a better message.
  parser.argument('[operands...]')
  if (operands === undefined) {
    parser.hook('preAction', () => {
      const [first] = parser.args
      if (first !== undefined) {
        throw new UsageError(`'${pathOf(parser)}' does not take the argument '${first}'.${seeHelp(parser)}`)
      }
    })
  }
  const variables = Object.keys(config.properties)
  return variables.length === 0
    ? parser
    : parser.addHelpText('after', `\nReads ${variables.join(', ')} from the environment.`)
}

/** Joins the lines of each paragraph, because commander breaks them by the width of the terminal. Indented lines stay. */
function unwrapped(text: string): string {
  return text.replaceAll(/(?<=\S)\n(?=\S)/g, ' ')
}

function optionOf(flag: string, { short, value, multiple, description }: CommandOption): Option {
  const names = short === undefined ? `--${flag}` : `-${short}, --${flag}`
  const option = new Option(value === undefined ? names : `${names} <${value}>`, description)
  return multiple ? option.argParser((text, before: string[] = []) => [...before, text]) : option
}

/** Returns the values by the names of the options. Commander has names in camel case, and negates those that begin with `no-`. */
function valuesOf(parser: Parser, { options }: AnyCommand): Record<string, unknown> {
  const found = parser.opts()
  const entries = Object.keys(options).flatMap(flag => {
    const option = parser.options.find(({ long }) => long === `--${flag}`)
    const value: unknown = found[option?.attributeName() ?? '']
    const given = option?.negate ? value === false || undefined : value
    return given === undefined ? [] : [[flag, given] as const]
  })
  return Object.fromEntries(entries)
}

/** Returns commander's error in whole sentences, with the help to look at. */
function usageError(error: CommanderError, parser: Parser): UsageError {
  const [first = '', suggestion = ''] = error.message.replace(/^error: /, '').split('\n')
  const [, unknown] = /^unknown command '(.*)'/.exec(first) ?? []
  if (unknown !== undefined) {
    const words = pathOf(parser).split(' ').slice(1)
    const found = closest(
      unknown,
      new Help().visibleCommands(parser).map(command => command.name()),
    )
    const meant = found === undefined ? '' : ` Did you mean '${[...words, found].join(' ')}'?`
    return new UsageError(`There is no command '${[...words, unknown].join(' ')}'.${meant}${seeHelp(parser)}`)
  }
  const sentence = `${first.charAt(0).toUpperCase()}${first.slice(1).replace(/\.$/, '')}.`
  const [, option] = /^\(Did you mean (?:one of )?(--[\w-]+)/.exec(suggestion) ?? []
  const meant = option === undefined ? '' : ` Did you mean '${option}'?`
  return new UsageError(`${sentence}${meant}${seeHelp(parser)}`, { cause: error })
}

/** Returns the words of a command, such as `headgate dead-letters list`. */
function pathOf(parser: Parser): string {
  return parser.parent ? `${pathOf(parser.parent)} ${parser.name()}` : parser.name()
}

function seeHelp(parser: Parser): string {
  return ` See: ${pathOf(parser)} --help`
}
