import { pipeline, Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { type Static, Type } from 'typebox'
import type { Transform } from '../transform.ts'
import { savedAs } from './saved-as.ts'

export const gzipOptions = Type.Object(
  {
    level: Type.Integer({
      minimum: 1,
      maximum: 9,
      default: 6,
      description: 'Compression level, from 1 (fastest) to 9 (smallest).',
    }),
  },
  { additionalProperties: false },
)

/** Compresses the content into a gzip file (RFC 1952) without name or time, so that the same content gives the same file. */
export function createGzipTransform({ level }: Static<typeof gzipOptions>): Transform {
  return {
    name: 'gzip',
    version: '1',
    apply(input, { upload }) {
      const packed = createGzip({ level })
      // The callback ignores errors because they also reach the reader of the body.
      pipeline(Readable.from(input), packed, () => undefined)
      return { contentType: 'application/gzip', filename: savedAs(upload.filename, '.gz'), body: packed }
    },
  }
}
