import { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { StreamReplyError } from '../errors.ts'

/** Kinesis sends up to 10 MiB of data, and the keys of up to 10,000 records. */
const MAX_BYTES = 32 * 1024 ** 2

/**
 * Reads a body into one buffer.
 *
 * @param length the length from the headers; undefined if they have none
 * @param allocate returns a buffer of at least this length that nothing else uses
 * @throws StreamReplyError if the body is too long for a reply of Kinesis; the error of the stream
 */
export async function readBody(
  stream: Readable,
  length: number | undefined,
  allocate: (length: number) => Buffer,
): Promise<Buffer> {
  if (length !== undefined && length > MAX_BYTES) {
    discard(stream)
    throw tooLong()
  }
  return length === undefined ? await concatenate(stream) : await fill(stream, allocate(length).subarray(0, length))
}

/** Closes the connection of a body that nobody reads. */
export function discard(stream: Readable): void {
  // A destroyed body emits an error, and an error without a listener ends the process.
  stream.on('error', () => undefined).destroy()
}

async function fill(stream: Readable, body: Buffer): Promise<Buffer> {
  let at = 0
  await readAll(stream, chunk => {
    if (at + chunk.length > body.length) throw tooLong()
    at += chunk.copy(body, at)
    release(chunk, stream)
  })
  return at === body.length ? body : body.subarray(0, at)
}

/**
 * Frees the memory of a chunk at once if nothing else can refer to it: it comes from the HTTP client of Node, and there
 * is no other listener. Otherwise the chunks of a fast stream make the garbage collector scan the whole heap every few
 * replies, which costs a quarter of the time of a record of 1 KiB.
 */
function release({ buffer, byteOffset, length }: Buffer, stream: Readable): void {
  if (!(stream instanceof IncomingMessage) || stream.listenerCount('data') > 1) return
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && buffer.byteLength === length) buffer.transfer(0)
}

async function concatenate(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  await readAll(stream, chunk => {
    length += chunk.length
    if (length > MAX_BYTES) throw tooLong()
    chunks.push(chunk)
  })
  return Buffer.concat(chunks, length)
}

/** Uses events, because an iterator would cost several promises for each chunk. */
function readAll(stream: Readable, take: (chunk: Buffer) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  stream.on('error', reject)
  stream.on('data', (chunk: Buffer) => {
    try {
      take(chunk)
    } catch (error) {
      reject(error)
      stream.destroy()
    }
  })
  stream.once('end', resolve)
  stream.once('close', () => reject(new Error('The connection was closed before the end of the reply.')))
  return promise
}

function tooLong(): StreamReplyError {
  return new StreamReplyError(
    `A reply of Kinesis is longer than ${MAX_BYTES} bytes, or longer than its Content-Length.`,
  )
}
