import { ConsumerError } from '../consumer/index.ts'
import { loadConfig } from '../platform/config/load.ts'
import { ConfigurationError, HeadgateError } from '../platform/errors.ts'
import { version } from '../platform/version.ts'
import type { AnyCommand } from './command.ts'
import { exitCodes, UsageError } from './errors.ts'
import { commandHelp, listHelp } from './help.ts'
import { createOutput } from './output.ts'
import { parseCommandLine } from './parse.ts'

export interface CliSettings {
  commands: readonly AnyCommand[]
  env: NodeJS.ProcessEnv
  /** Both get one or more lines, without the final line break. */
  stdout(text: string): void
  stderr(text: string): void
}

/** Runs a command line. Resolves to the exit code. Errors are printed, and it never rejects. */
export async function runCli(args: readonly string[], settings: CliSettings): Promise<number> {
  const { commands, env, stdout, stderr } = settings
  try {
    const request = parseCommandLine(args, commands)
    switch (request.kind) {
      case 'version':
        stdout(version())
        return exitCodes.done
      case 'list':
        stdout(listHelp(commands, request.words))
        return exitCodes.done
      case 'help':
        stdout(commandHelp(request.command))
        return exitCodes.done
      case 'run': {
        const { command, options, operands } = request
        const config = loadConfig(command.config, env)
        const output = createOutput({ json: options.json === true, stdout, stderr })
        return (await command.run({ options: options as never, operands, config, env, output })) ?? exitCodes.done
      }
    }
  } catch (error) {
    stderr(args.includes('--json') ? asJson(error) : asText(error))
    return error instanceof UsageError ? exitCodes.usage : exitCodes.failed
  }
}

function asJson(error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  return JSON.stringify({
    error: { code: isHeadgateError(error) ? error.code : name, message: message || name },
  })
}

/** Returns the message of an expected error, and the stack of an unexpected one. */
function asText(error: unknown): string {
  if (error instanceof ConfigurationError) return `${error.message}\n${VARIABLES_HINT}`
  if (isHeadgateError(error)) return error.message
  if (!(error instanceof Error)) return String(error)
  return isFromAws(error) ? awsMessage(error) : (error.stack ?? error.message)
}

const VARIABLES_HINT =
  'On a laptop, `npm start` and `headgate local` print lines that set them. For a deployment, they are the variables of the api and the worker.'

function isHeadgateError(error: unknown): error is HeadgateError | ConsumerError {
  return error instanceof HeadgateError || error instanceof ConsumerError
}

interface AwsError extends Error {
  $metadata?: unknown
}

function isFromAws(error: Error): boolean {
  // Errors of calls without a response have metadata too.
  return '$metadata' in error || error.name === 'CredentialsProviderError'
}

function awsMessage(error: AwsError): string {
  const hint = HINTS.find(([pattern]) => pattern.test(`${error.name} ${error.message} ${codeOf(error)}`))?.[1]
  return `The request to AWS failed: ${error.name}: ${error.message || codeOf(error)}${hint === undefined ? '' : `\n${hint}`}`
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : ''
}

const HINTS: ReadonlyArray<readonly [RegExp, string]> = [
  [/Credentials/, 'Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.'],
  [/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|Timeout/i, 'Check AWS_REGION and the AWS_ENDPOINT_URL_… variables.'],
  [
    /AccessDenied|NotAuthorized|Forbidden/i,
    'The credentials lack a permission that the command needs. docs/how-to/operate.md lists the permissions.',
  ],
  [
    /ResourceNotFound|NoSuchBucket/,
    'Check the names in STREAM_NAME, UPLOADS_TABLE, APPLICATION_NAME, UPLOAD_BUCKET and PROCESSED_BUCKET.',
  ],
]
