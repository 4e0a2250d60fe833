import type { ParseArgsConfig, parseArgs } from 'node:util'
import type { Static, TObject } from 'typebox'
import type { Output } from './output.ts'

/** An option of a command, for `parseArgs` of `node:util` and for the help. */
export interface CommandOption {
  type: 'string' | 'boolean'
  multiple?: boolean
  /** The placeholder of the value in the help, such as `TIME`. */
  value?: string
  description: string
}

export type CommandOptions = Record<string, CommandOption>

type Parsed<O extends CommandOptions> = ReturnType<
  typeof parseArgs<{ options: O & NonNullable<ParseArgsConfig['options']> }>
>['values']

/** The parsed command line of a command, with its environment and its output. */
export interface Invocation<O extends CommandOptions, C extends TObject> {
  options: Parsed<O>
  /** The arguments that are not options. Empty unless the command has `operands`. */
  operands: string[]
  config: Readonly<Static<C>>
  env: NodeJS.ProcessEnv
  output: Output
}

/** One subcommand: a file of `commands/`, listed in `commands/index.ts`. */
export interface Command<O extends CommandOptions = CommandOptions, C extends TObject = TObject> {
  /** The words of the command line that select the command, such as `dead-letters list`. */
  name: string
  /** One line for the list of commands. */
  summary: string
  /** Further help text: what the command changes, what it needs, what its exit codes mean. */
  details?: string
  /** The arguments that are not options, for the help, such as `[ID…]`. Unset: the command takes none. */
  operands?: string
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
