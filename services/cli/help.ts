import type { AnyCommand, CommandOption } from './command.ts'

/** The options that every command has. */
export const commonOptions = {
  json: { type: 'boolean', description: 'print one JSON object per line, for scripts. Also prints errors as JSON' },
  help: { type: 'boolean', description: 'print this text' },
} as const satisfies Record<string, CommandOption>

/** Returns the help for all commands, or for those that begin with `words`. */
export function listHelp(commands: readonly AnyCommand[], words = ''): string {
  const wanted = commands.filter(({ name }) => words === '' || name.startsWith(`${words} `))
  return `Usage: headgate ${words === '' ? '' : `${words} `}COMMAND [options]

Commands:
${definitions(wanted.map(({ name, summary }) => [name, summary]))}

\`headgate COMMAND --help\` describes a command. The environment variables of the worker select the resources
(AWS_REGION, STREAM_NAME, APPLICATION_NAME, …). Endpoints and credentials are settings of the AWS SDK.
Exit codes: 0 done, 1 failed or refused, 2 invalid command line.`
}

/** Returns the help for one command. */
export function commandHelp({ name, summary, details, operands, options, config }: AnyCommand): string {
  const variables = Object.keys(config.properties)
  return [
    `Usage: headgate ${name} ${operands === undefined ? '' : `${operands} `}[options]`,
    summary,
    ...(details === undefined ? [] : [details]),
    `Options:\n${definitions(Object.entries({ ...options, ...commonOptions }).map(([flag, option]) => optionLine(flag, option)))}`,
    ...(variables.length === 0 ? [] : [`Reads ${variables.join(', ')} from the environment.`]),
  ].join('\n\n')
}

function optionLine(flag: string, { value, description }: CommandOption): [string, string] {
  return [`--${flag}${value === undefined ? '' : ` ${value}`}`, description]
}

function definitions(entries: ReadonlyArray<readonly [string, string]>): string {
  const width = Math.max(...entries.map(([term]) => term.length))
  return entries.map(([term, text]) => `  ${term.padEnd(width)}  ${text}`).join('\n')
}
