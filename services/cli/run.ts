import { loadConfig } from '../platform/config/load.ts'
import { type CommandLoaders, loadAll, loadCommands } from './command.ts'
import { describeError } from './describe-error.ts'
import { exitCodeOf, exitCodes, InterruptedError, UsageError } from './errors.ts'
import { createOutput, printable } from './output.ts'
import { parseCommandLine } from './parse.ts'

export interface CliSettings {
  commands: CommandLoaders
  env: NodeJS.ProcessEnv
  /** Both get one or more lines, without the final line break. */
  stdout(text: string): void
  stderr(text: string): void
}

const PROXY_VARIABLES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY']

/** Runs a command line. Resolves to the exit code. Errors are printed, and it never rejects. */
export async function runCli(args: readonly string[], settings: CliSettings): Promise<number> {
  const { commands, env, stdout, stderr } = settings
  try {
    if (PROXY_VARIABLES.some(name => env[name])) await import('./fetch.ts')
    const request = parseCommandLine(args, await loadCommands(args, commands), stdout)
    if (request.kind === 'printed') return exitCodes.done
    const { command, json, options, operands } = request
    const config = loadConfig(command.config, env)
    const output = createOutput({ json, stdout, stderr })
    return (
      (await command.run({
        options: options as never,
        operands,
        config,
        env,
        output,
        loadAll: () => loadAll(commands),
      })) ?? exitCodes.done
    )
  } catch (error) {
    stderr(
      args.includes('--json')
        ? JSON.stringify({ error: { code: describeError(error).code, message: describeError(error).message } })
        : printable(asText(error)),
    )
    if (error instanceof InterruptedError) return exitCodeOf(error.signal)
    return error instanceof UsageError ? exitCodes.usage : exitCodes.failed
  }
}

/** Returns the message of an expected error, and the stack of an unexpected one. */
function asText(error: unknown): string {
  const { message, isExpected } = describeError(error)
  if (isExpected || !(error instanceof Error)) return message
  return error.stack ?? message
}
