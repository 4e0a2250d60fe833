import { createHash } from 'node:crypto'
import { PayloadTooLargeError } from './errors.ts'

/** Measures a file as it passes: its size, its SHA-256, and that it keeps to the limit. */
export interface Meter {
  /** @throws PayloadTooLargeError with the first chunk that goes past the limit */
  take(chunk: Uint8Array): void
  /** Once, after the last chunk. `size` in bytes, `sha256` in lower-case hex. */
  read(): { size: number; sha256: string }
}

export function createMeter(limit: number): Meter {
  const hash = createHash('sha256')
  let size = 0
  return {
    take(chunk) {
      size += chunk.byteLength
      if (size > limit) throw new PayloadTooLargeError('The file', limit)
      hash.update(chunk)
    },
    read: () => ({ size, sha256: hash.digest('hex') }),
  }
}

/** Passes a body on, chunk by chunk, through the meter. */
export async function* metered(body: AsyncIterable<Uint8Array>, meter: Meter): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    meter.take(chunk)
    yield chunk
  }
}
