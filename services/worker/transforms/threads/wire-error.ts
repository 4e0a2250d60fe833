import { InvalidOutputError, TransformError } from '../../errors.ts'

/** An error as it crosses to another thread. A class would not. */
export interface WireError {
  name: string
  message: string
  code?: string
  stack?: string
}

export function toWire(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const { code } = error as { code?: unknown }
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    ...(error.stack !== undefined && { stack: error.stack }),
  }
}

export function fromWire({ name, message, code, stack }: WireError): Error {
  // What no retry mends must be known for it on this side too.
  const permanent = [TransformError, InvalidOutputError].find(({ CODE }) => CODE === code)
  if (permanent) return new permanent(message)
  return Object.assign(new Error(message), {
    name,
    ...(code !== undefined && { code }),
    ...(stack !== undefined && { stack }),
  })
}
