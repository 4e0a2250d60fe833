import { Readable } from 'node:stream'
import type { S3Client } from '@aws-sdk/client-s3'
import type { UndiciHttpHandler } from '@smithy/undici-http-handler'

/**
 * Gives the body of every response an error listener. A stream that fails without one ends the process, and a body fails
 * whenever its reader destroys it early, its request is aborted or its connection breaks. Readers still receive the error.
 *
 * All requests pass through the handler: those of the SDK, direct requests, and GetRecords in CBOR.
 */
export function guardResponseBodies(handler: UndiciHttpHandler): UndiciHttpHandler {
  const send = handler.handle.bind(handler)
  handler.handle = async (request, options) => {
    const result = await send(request, options)
    guard(result.response.body)
    return result
  }
  return handler
}

/**
 * Gives the body of every object an error listener. Where S3 sends a checksum, the SDK wraps the response body in a stream that
 * compares it, and only the wrapper reaches the caller.
 */
export function guardObjectBodies({ middlewareStack }: S3Client): void {
  middlewareStack.add(
    next => async args => {
      const result = await next(args)
      if ('Body' in result.output) guard(result.output.Body)
      return result
    },
    { step: 'initialize', name: 'guardObjectBodies' },
  )
}

function guard(body: unknown): void {
  if (body instanceof Readable) body.on('error', leaveToReader)
}

function leaveToReader(): void {
  // The reader of the body receives the error too. If nobody reads the body any more, the error does not matter.
}
