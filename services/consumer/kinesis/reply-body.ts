import { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { StreamReplyError } from '../errors.ts'

/** Kinesis sends 10 MiB of data at most, with keys of 10,000 records beside them. */
const MAX_BYTES = 32 * 1024 ** 2

/**
 * Reads a body into one piece of memory.
 *
 * @param length as the headers tell it; undefined where they do not
 * @param allocate memory of a length or more, which nothing else shares
 * @throws StreamReplyError where it is too long to be a reply of Kinesis; what the stream throws
 */
export async function readBody(
  stream: Readable,
  length: number | undefined,
  allocate: (length: number) => Buffer,
): Promise<Buffer> {
  if (length !== undefined && length > MAX_BYTES) {
    // A body that is destroyed early fails, and one that fails without a listener ends the process.
    stream.on('error', () => undefined).destroy()
    throw tooLong()
  }
  return length === undefined ? await concatenate(stream) : await fill(stream, allocate(length).subarray(0, length))
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
 * Gives the memory of a chunk back at once, where nobody else can have it: what comes from Node's own HTTP, and has no other
 * listener. Left to the collector, the chunks of a fast stream have it go through the whole heap every few replies, for they
 * weigh with it as much as the records do: a quarter of what a record of 1 KiB costs.
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

/** By events: an iterator would cost several promises for each of the many chunks of a reply. */
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
  stream.once('close', () => reject(new Error('The connection was closed in the middle of a reply.')))
  return promise
}

function tooLong(): StreamReplyError {
  return new StreamReplyError(`A reply of Kinesis is longer than ${MAX_BYTES} bytes, or than it said.`)
}
