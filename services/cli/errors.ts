import { HeadgateError } from '../platform/errors.ts'

/** The exit codes of all commands. A shell expects 130 after Ctrl-C (SIGINT), and 143 after SIGTERM. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const

/** The signals that stop a command. */
export type StopSignal = 'SIGINT' | 'SIGTERM'

/** Returns the exit code of a command that a signal stopped. */
export function exitCodeOf(signal: StopSignal): number {
  return signal === 'SIGTERM' ? exitCodes.terminated : exitCodes.interrupted
}

/** The command line or a variable is invalid. The message says how to correct it. */
export class UsageError extends HeadgateError {
  readonly code = 'HEADGATE_USAGE'
}

/** What the command was asked about does not exist. */
export class NothingFoundError extends HeadgateError {
  readonly code = 'HEADGATE_NOTHING_FOUND'
}

/** The command refuses to do harm. The message says what to do first, or which option overrides the refusal. */
export class RefusedError extends HeadgateError {
  readonly code = 'HEADGATE_REFUSED'
}

/** The user cannot be signed in. The message says why and what to do. */
export class SignInError extends HeadgateError {
  readonly code = 'HEADGATE_SIGN_IN'
}

/** The api does not respond. The message says what to check. */
export class NotReachableError extends HeadgateError {
  readonly code = 'HEADGATE_NOT_REACHABLE'
}

/** A file did not arrive completely, or with other bytes. The message says what to do. */
export class DownloadError extends HeadgateError {
  readonly code = 'HEADGATE_DOWNLOAD'
}

/** A signal, such as that of Ctrl-C, stopped the command. The message says how to go on. */
export class InterruptedError extends HeadgateError {
  readonly code = 'HEADGATE_INTERRUPTED'
  readonly signal: StopSignal

  constructor(message: string, signal: StopSignal = 'SIGINT') {
    super(message)
    this.signal = signal
  }
}

/** Returns the error for an application without a lease table. */
export function noLeaseTableError(applicationName: string, cause: Error): NothingFoundError {
  return new NothingFoundError(
    `There is no lease table '${applicationName}': no worker of this application has run here. Check APPLICATION_NAME and AWS_REGION.`,
    { cause },
  )
}
