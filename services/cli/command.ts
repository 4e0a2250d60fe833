import type { Static, TObject } from 'typebox'
import type { Output } from './output.ts'

/** The headings of the help. */
export const GROUPS = {
  upload: 'Upload and download files:',
  account: 'Sign in:',
  operate: 'Operate a deployment (the environment variables of the worker select it):',
  other: 'More:',
} as const

/** An option of a command. */
export interface CommandOption {
  type: 'string' | 'boolean'
  /** The option may be repeated, and its value is an array. */
  multiple?: boolean
  /** One letter, such as `o` for `-o`. */
  short?: string
  /** The placeholder of the value in the help, such as `TIME`. A shell completes `FILE`, `DIR`, `PROFILE` and words between `|`. */
  value?: string
  description: string
}

export type CommandOptions = Record<string, CommandOption>

type ValueOf<O extends CommandOption> = O['type'] extends 'boolean'
  ? boolean
  : O extends { multiple: true }
    ? string[]
    : string

/** The values of the options that the command line has. */
type Parsed<O extends CommandOptions> = { -readonly [Name in keyof O]?: ValueOf<O[Name]> | undefined }

/** The parsed command line of a command, with its environment and its output. */
export interface Invocation<O extends CommandOptions, C extends TObject> {
  options: Parsed<O>
  /** The arguments that are not options. Empty unless the command has `operands`. */
  operands: string[]
  config: Readonly<Static<C>>
  env: NodeJS.ProcessEnv
  output: Output
  /** Returns all commands. Only the completion needs them. */
  loadAll(): Promise<AnyCommand[]>
}

/** One subcommand: a file of `commands/`, listed in `commands/index.ts`. */
export interface Command<O extends CommandOptions = CommandOptions, C extends TObject = TObject> {
  /** The words of the command line that select the command, such as `dead-letters list`. */
  name: string
  /** One line for the list of commands. */
  summary: string
  /** The heading of the help under which the command is listed. @default operate */
  group?: keyof typeof GROUPS
  /** Further help text: what the command changes, what it needs, what its exit codes mean. */
  details?: string
  /** The arguments that are not options, for the help, such as `[ID…]`. Unset: the command takes none. A shell completes them like values. */
  operands?: string
  /** The command is for programs, and the help does not list it. */
  isHidden?: boolean
  /** The operands are paths, which a shell completes. */
  takesFiles?: boolean
  options: O
  /** The environment variables that the command reads, from the schemas of the roles. */
  config: C
  /** Resolves to the exit code. Undefined means 0. If it rejects, the error is printed. */
  run(invocation: Invocation<O, C>): Promise<number | undefined>
}

/** A command with any options. */
export interface AnyCommand extends Omit<Command, 'run'> {
  run(invocation: Invocation<CommandOptions, TObject>): Promise<number | undefined>
}

/** Defines a command, and infers the types that `run` receives from `options` and `config`. */
export function defineCommand<const O extends CommandOptions, C extends TObject>(command: Command<O, C>): AnyCommand {
  return command as unknown as AnyCommand
}

/** All commands by their names, in the order of the help. A command is loaded when a command line means it. */
export type CommandLoaders = Readonly<Record<string, () => Promise<AnyCommand>>>

/** Returns the command that a command line means, or all commands if it names none. */
export async function loadCommands(args: readonly string[], loaders: CommandLoaders): Promise<AnyCommand[]> {
  const meant = Object.keys(loaders)
    .filter(name => name.split(' ').every((word, index) => word === args[index]))
    .sort((a, b) => b.length - a.length)[0]
  const load = meant === undefined ? undefined : loaders[meant]
  return load ? [await load()] : await loadAll(loaders)
}

export async function loadAll(loaders: CommandLoaders): Promise<AnyCommand[]> {
  return await Promise.all(Object.values(loaders).map(load => load()))
}
