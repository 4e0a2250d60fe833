import { HeadgateError as ClientError } from '../client/errors.ts'
import { ConsumerError } from '../consumer/errors.ts'
import { ConfigurationError, HeadgateError } from '../platform/errors.ts'

/** What a person and a script are told about an error. */
export interface DescribedError {
  /** Stable, for scripts. */
  code: string
  message: string
  /** False for an error that shows a fault of the command itself: its stack is of use. */
  isExpected: boolean
}

/** Returns what to print for an error. */
export function describeError(error: unknown): DescribedError {
  if (!(error instanceof Error)) return { code: 'Error', message: String(error), isExpected: false }
  const { name } = error
  const message = error.message || name
  if (error instanceof ConfigurationError)
    return { code: error.code, message: `${message}\n${VARIABLES_HINT}`, isExpected: true }
  if (isHeadgateError(error)) return { code: error.code, message, isExpected: true }
  if (isFromAws(error)) return { code: name, message: awsMessage(error), isExpected: true }
  if (isFromSystem(error)) return { code: error.code, message: systemMessage(error), isExpected: true }
  return { code: name, message, isExpected: false }
}

const VARIABLES_HINT =
  'On a laptop, `npm start` and `headgate local` print lines that set them. For a deployment, they are the variables of the api and the worker.'

function isHeadgateError(error: unknown): error is HeadgateError | ConsumerError | ClientError {
  return [HeadgateError, ConsumerError, ClientError].some(expected => error instanceof expected)
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

/** An error of the file system, such as a full disk. */
interface SystemError extends Error {
  code: string
  path?: string
}

function isFromSystem(error: Error): error is SystemError {
  return 'syscall' in error && 'code' in error && (error.code as string) in SYSTEM_REASONS
}

function systemMessage({ message, code, path: file }: SystemError): string {
  const reason = SYSTEM_REASONS[code] ?? message
  return file === undefined ? `A file can't be written or read: ${reason}` : `${file}: ${reason}`
}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  EACCES: 'you have no permission.',
  ENOENT: 'there is no such file.',
  ENOSPC: 'the disk is full.',
  EISDIR: 'it is a directory.',
  ENOTDIR: 'a part of the path is no directory.',
  EROFS: 'the disk is read-only.',
}
