import { Readable } from 'node:stream'
import { type Patience, patiently } from '../http/min-body-rate.ts'
import { IncompleteBodyError, PayloadTooLargeError } from '../ingest/errors.ts'

/**
 * A request's body as it comes. Who stops reading leaves the rest where it is: destroying the stream would take the
 * connection with it, and the answer that says why.
 *
 * @throws IncompleteBodyError where the client stops before the end, ProblemError where it is too slow
 */
export function bodyChunks(body: unknown, patience: Patience): AsyncGenerator<Uint8Array> {
  return patiently(chunksOf(body), patience)
}

async function* chunksOf(body: unknown): AsyncGenerator<Uint8Array> {
  // A request without any body has no stream.
  if (!(body instanceof Readable)) return
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) yield chunk
  } catch (cause) {
    throw new IncompleteBodyError('The body of the request ended before it was complete.', { cause })
  }
}

export interface ReadBodySettings {
  /** Bytes. */
  limit: number
  /** The size that the client has said, in bytes, if it has. */
  declared: number | undefined
  patience: Patience
}

/**
 * Reads a body into memory.
 *
 * @throws PayloadTooLargeError as soon as it is known that the body is larger
 */
export async function readBody(body: unknown, { limit, declared, patience }: ReadBodySettings): Promise<Buffer> {
  if (declared !== undefined && declared > limit) throw new PayloadTooLargeError('The body', limit)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bodyChunks(body, patience)) {
    size += chunk.byteLength
    if (size > limit) throw new PayloadTooLargeError('The body', limit)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
