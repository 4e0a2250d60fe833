import { HeadgateError } from '../platform/errors.ts'

/** What a command's exit code says to a script. */
export const exitCodes = { done: 0, failed: 1, usage: 2 } as const

/** The command line cannot be used. The message is for the person who typed it. */
export class UsageError extends HeadgateError {
  readonly code = 'HEADGATE_USAGE'
}

/** There is nothing of what the command was asked about. */
export class NothingFoundError extends HeadgateError {
  readonly code = 'HEADGATE_NOTHING_FOUND'
}

/** The command could do what it is asked, and it would do harm. The message says what to do first, or how to insist. */
export class RefusedError extends HeadgateError {
  readonly code = 'HEADGATE_REFUSED'
}
