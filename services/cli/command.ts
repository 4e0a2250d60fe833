import type { ParseArgsConfig, parseArgs } from 'node:util'
import type { Static, TObject } from 'typebox'
import type { Output } from './output.ts'

/** One option of a command, as `node:util` parses it, and as its help shows it. */
export interface CommandOption {
  type: 'string' | 'boolean'
  multiple?: boolean
  /** What stands for the value in the help: `TIME`. */
  value?: string
  description: string
}

export type CommandOptions = Record<string, CommandOption>

type Parsed<O extends CommandOptions> = ReturnType<
  typeof parseArgs<{ options: O & NonNullable<ParseArgsConfig['options']> }>
>['values']

/** What a command is given to do its work with. */
export interface Invocation<O extends CommandOptions, C extends TObject> {
  options: Parsed<O>
  /** The arguments that are no options. None, unless the command names `operands`. */
  operands: string[]
  config: Readonly<Static<C>>
  env: NodeJS.ProcessEnv
  output: Output
}

/** One subcommand: a file of `commands/`, listed in `commands/index.ts`. */
export interface Command<O extends CommandOptions = CommandOptions, C extends TObject = TObject> {
  /** The words that call it: `dead-letters list`. */
  name: string
  /** One line, for the list of commands. */
  summary: string
  /** What its help tells beyond that: what it changes, what it needs, what its exit code means. */
  details?: string
  /** How the help names the arguments that are no options: `[ID…]`. Left out, there are none. */
  operands?: string
  options: O
  /** The environment variables it reads: those of the roles' own schemas. */
  config: C
  /** Resolves to the exit code, 0 where it resolves to none. What it throws is said to the person who called. */
  run(invocation: Invocation<O, C>): Promise<number | undefined>
}

/** A command whatever its options are, as the list holds it. */
export interface AnyCommand extends Omit<Command, 'run'> {
  run(invocation: Invocation<CommandOptions, TObject>): Promise<number | undefined>
}

/** Ties the types of a command's options and configuration to those that its `run` is given. */
export function defineCommand<const O extends CommandOptions, C extends TObject>(command: Command<O, C>): AnyCommand {
  return command as unknown as AnyCommand
}
