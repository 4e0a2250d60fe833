import type { AnyCommand, CommandOption } from './command.ts'

/** What every command takes. */
export const commonOptions = {
  json: { type: 'boolean', description: 'one JSON object a line, for scripts; errors too' },
  help: { type: 'boolean', description: 'this text' },
} as const satisfies Record<string, CommandOption>

/** The help of all commands, or of those that begin with some words. */
export function listHelp(commands: readonly AnyCommand[], words = ''): string {
  const wanted = commands.filter(({ name }) => words === '' || name.startsWith(`${words} `))
  return `Usage: headgate ${words === '' ? '' : `${words} `}COMMAND [options]

Commands:
${definitions(wanted.map(({ name, summary }) => [name, summary]))}

\`headgate COMMAND --help\` tells all of a command. Where things are comes from the environment, by the names that the worker reads
(AWS_REGION, STREAM_NAME, APPLICATION_NAME, …); endpoints and credentials are the AWS SDK's own settings.
Exit codes: 0 done, 1 failed or refused, 2 the command line cannot be used.`
}

/** The help of one command. */
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
