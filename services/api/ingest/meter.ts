import { createHash } from 'node:crypto'
import { PayloadTooLargeError, type SizeLimit } from './errors.ts'

/** Computes the size and the SHA-256 of a file while the file is read, and enforces a maximum size. */
export class Meter {
  readonly #hash = createHash('sha256')
  readonly #limit: SizeLimit
  #size = 0

  constructor(limit: SizeLimit) {
    this.#limit = limit
  }

  /** @throws PayloadTooLargeError with the first chunk that exceeds the maximum */
  add(chunk: Uint8Array): void {
    this.#size += chunk.byteLength
    if (this.#size > this.#limit.maxBytes) throw new PayloadTooLargeError('The file', this.#limit)
    this.#hash.update(chunk)
  }

  /** Returns the size in bytes and the SHA-256 in lower-case hex. Call it once, after the last chunk. */
  read(): { size: number; sha256: string } {
    return { size: this.#size, sha256: this.#hash.digest('hex') }
  }
}

/** Passes on the chunks of a body, and adds each to the meter. */
export async function* meterBody(body: AsyncIterable<Uint8Array>, meter: Meter): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    meter.add(chunk)
    yield chunk
  }
}
