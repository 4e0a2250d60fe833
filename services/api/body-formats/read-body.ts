import { Readable } from 'node:stream'
import { type BodyRateGuard, enforceRate } from '../http/min-body-rate.ts'
import { IncompleteBodyError, PayloadTooLargeError } from '../ingest/errors.ts'

/**
 * Yields the chunks of a request's body. If the reader stops early, the stream is not destroyed, because that would close the connection
 * before the response is sent.
 *
 * @throws IncompleteBodyError if the client stops before the end
 * @throws ProblemError if the client is too slow
 */
export function bodyChunks(body: unknown, rateGuard: BodyRateGuard): AsyncGenerator<Uint8Array> {
  return enforceRate(chunksOf(body), rateGuard)
}

async function* chunksOf(body: unknown): AsyncGenerator<Uint8Array> {
  // A request without a body has no stream.
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
  /** The size that the client declared, in bytes, if it did. */
  declared: number | undefined
  rateGuard: BodyRateGuard
}

/**
 * Reads a body into memory.
 *
 * @throws PayloadTooLargeError as soon as the body is known to be larger than the limit
 */
export async function readBody(body: unknown, { limit, declared, rateGuard }: ReadBodySettings): Promise<Buffer> {
  if (declared !== undefined && declared > limit) throw new PayloadTooLargeError('The body', { maxBytes: limit })
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bodyChunks(body, rateGuard)) {
    size += chunk.byteLength
    if (size > limit) throw new PayloadTooLargeError('The body', { maxBytes: limit })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
