import { HeadgateError } from '../platform/errors.ts'

/** The console could not start. The message says why and what to do. */
export class ConsoleStartError extends HeadgateError {
  readonly code = 'HEADGATE_CONSOLE_START'
}

/** The page asked for something that does not exist or is invalid. */
export class BadRequestError extends HeadgateError {
  readonly code = 'HEADGATE_CONSOLE_REQUEST'
  readonly statusCode = 400
}
