import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** How long the api still reads from a client after its response, in milliseconds. */
const LINGER_MS = 2_000

/**
 * Returns the response to a request whose body is not read to its end. The response is sent at once, but the connection stays
 * open for a while, and the rest of the body is discarded. If the connection were closed at once, the client's next byte would
 * cause a reset, and many clients would never see the response.
 */
export function lingeringResponse(body: string, request: IncomingMessage, lingerMs = LINGER_MS): Readable {
  async function* answer() {
    yield body
    await drain(request, lingerMs)
  }
  return Readable.from(answer())
}

/** Resolves when the client has stopped sending, has disconnected, or its time is up. */
async function drain(request: IncomingMessage, lingerMs: number): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, lingerMs)
  request.once('end', resolve).once('close', resolve)
  if (request.readableEnded || request.destroyed) resolve()
  // Detaches the form parser or whatever else was reading the request.
  request.unpipe()
  request.resume()
  await over
  clearTimeout(timer)
}
