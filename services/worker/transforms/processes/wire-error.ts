import { InvalidOutputError, TransformError } from '../../errors.ts'

/** An error as it crosses to another process: its class does not. */
export interface WireError {
  name: string
  message: string
  code?: string
  stack?: string
  cause?: WireError
}

/** A module may have put anything into its message. In UTF-16 units. */
const MAX_TEXT = 8_192
/** How many causes cross: one under the other, they could go round in a circle. */
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

/** @throws SyntaxError for bytes that are no error */
export function readWireError(payload: Buffer): WireError {
  return JSON.parse(payload.toString()) as WireError
}

export function fromWire({ name, message, code, stack, cause }: WireError): Error {
  const options = cause && { cause: fromWire(cause) }
  // What no retry mends must be recognized on this side too.
  const permanent = [TransformError, InvalidOutputError].find(({ CODE }) => CODE === code)
  if (permanent) return new permanent(message, options)
  return Object.assign(new Error(message, options), {
    name,
    ...(code !== undefined && { code }),
    ...(stack !== undefined && { stack }),
  })
}
