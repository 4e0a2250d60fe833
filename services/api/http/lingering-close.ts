import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** How long a client that is still sending is listened to after it was answered, in milliseconds. */
const LINGER_MS = 2_000

/**
 * An answer to a request whose body is not read to its end. The answer leaves at once; the connection stays open for a
 * while longer, and what comes on it is thrown away. Closed right away, the client's next byte would be answered with a
 * reset, and many clients then never see the answer.
 */
export function lingeringAnswer(body: string, request: IncomingMessage, lingerMs = LINGER_MS): Readable {
  async function* answer() {
    yield body
    await drain(request, lingerMs)
  }
  return Readable.from(answer())
}

/** Resolves when the client has stopped sending, has gone, or its time is up. */
async function drain(request: IncomingMessage, lingerMs: number): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, lingerMs)
  request.once('end', resolve).once('close', resolve)
  if (request.readableEnded || request.destroyed) resolve()
  // Whoever was to read it, a parser of forms for one, does so no more.
  request.unpipe()
  request.resume()
  await over
  clearTimeout(timer)
}
