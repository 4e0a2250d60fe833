import { InvalidOutputError, TransformError } from '../../errors.ts'

/** An error as it is sent to another process, without its class. */
export interface WireError {
  name: string
  message: string
  code?: string
  stack?: string
  cause?: WireError
}

/** Maximum length of a text, in UTF-16 units. A module may put anything into its message. */
const MAX_TEXT = 8_192
/** Maximum number of causes that are sent. A chain of causes can be circular. */
const MAX_CAUSES = 5

export function toWire(error: unknown): Buffer {
  return Buffer.from(JSON.stringify(describe(error, MAX_CAUSES)))
}

function describe(error: unknown, causes: number): WireError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error).slice(0, MAX_TEXT) }
  const { code } = error as { code?: unknown }
  return {
    name: String(error.name).slice(0, MAX_TEXT),
    message: String(error.message).slice(0, MAX_TEXT),
    ...(typeof code === 'string' && { code: code.slice(0, MAX_TEXT) }),
    ...(error.stack !== undefined && { stack: String(error.stack).slice(0, MAX_TEXT) }),
    ...(error.cause !== undefined && causes > 0 && { cause: describe(error.cause, causes - 1) }),
  }
}

/** @throws SyntaxError for bytes that are not an error */
export function readWireError(payload: Buffer): WireError {
  return JSON.parse(payload.toString()) as WireError
}

export function fromWire({ name, message, code, stack, cause }: WireError): Error {
  const options = cause && { cause: fromWire(cause) }
  // Permanent errors must be recognized in the worker, too.
  const permanent = [TransformError, InvalidOutputError].find(({ CODE }) => CODE === code)
  if (permanent) return new permanent(message, options)
  return Object.assign(new Error(message, options), {
    name,
    ...(code !== undefined && { code }),
    ...(stack !== undefined && { stack }),
  })
}
