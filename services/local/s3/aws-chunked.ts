import type { IncomingHttpHeaders } from 'node:http'
import { S3Error } from './errors.ts'

export interface AwsChunkedDecoder {
  /** Returns the bytes of the object in the next bytes of the body. */
  decode(bytes: Buffer): Buffer[]
  /**
   * Returns the trailers.
   *
   * @throws S3Error IncompleteBody if the body has ended before its last chunk
   */
  finish(): IncomingHttpHeaders
}

/** The maximum length of a line: the size of a chunk and its signature, or a trailer. */
const MAX_LINE_BYTES = 1_024

/**
 * Decodes the encoding `aws-chunked`, in which the SDKs send a body with a checksum at its end: chunks, each after a line with its
 * size in hex, and trailers after a chunk of size 0. The signatures of chunks are not verified.
 */
export function createAwsChunkedDecoder(): AwsChunkedDecoder {
  let state: 'size' | 'bytes' | 'end of chunk' | 'trailers' | 'done' = 'size'
  let line = ''
  let left = 0
  const trailers: IncomingHttpHeaders = {}

  function readLine(text: string): void {
    if (state === 'end of chunk') {
      if (text !== '') throw incomplete()
      state = 'size'
    } else if (state === 'size') {
      const size = /^([0-9a-f]+)(?:;|$)/i.exec(text)?.[1]
      if (size === undefined) throw incomplete()
      left = Number.parseInt(size, 16)
      state = left > 0 ? 'bytes' : 'trailers'
    } else if (text === '') state = 'done'
    else {
      const [name = '', value = ''] = text.split(/:(.*)/s)
      trailers[name.trim().toLowerCase()] = value.trim()
    }
  }

  return {
    decode(bytes) {
      const found: Buffer[] = []
      for (let at = 0; at < bytes.length && state !== 'done'; ) {
        if (state === 'bytes') {
          const part = bytes.subarray(at, at + left)
          found.push(part)
          at += part.length
          left -= part.length
          if (left === 0) state = 'end of chunk'
          continue
        }
        const end = bytes.indexOf('\n', at)
        line += bytes.toString('latin1', at, end === -1 ? bytes.length : end)
        if (line.length > MAX_LINE_BYTES) throw incomplete()
        if (end === -1) break
        at = end + 1
        const text = line.replace(/\r$/, '')
        line = ''
        readLine(text)
      }
      return found
    },
    finish() {
      // Some clients send no empty line after the last chunk.
      if (state !== 'done' && state !== 'trailers') throw incomplete()
      return trailers
    },
  }
}

function incomplete(): S3Error {
  return new S3Error('IncompleteBody', 'The request body terminated unexpectedly')
}
