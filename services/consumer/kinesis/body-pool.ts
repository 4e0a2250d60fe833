/**
 * A pool of buffers for the bodies of replies. Fresh memory costs more than reading into it, because the system must
 * find and clear each page first.
 */
export class BodyPool {
  readonly #spare: Buffer[] = []
  #spareBytes = 0

  /** Returns a buffer of at least `length` bytes, with arbitrary content. */
  take(length: number): Buffer {
    const index = this.#spare.findIndex(spare => spare.length >= length)
    const [spare] = index < 0 ? [] : this.#spare.splice(index, 1)
    if (!spare) return Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(Math.max(length, MIN_BYTES))))
    this.#spareBytes -= spare.length
    return spare
  }

  /** Returns a buffer to the pool. Nothing may refer to any part of it. */
  give(buffer: Buffer): void {
    if (this.#spareBytes + buffer.length > MAX_SPARE_BYTES) {
      if (buffer.buffer instanceof ArrayBuffer) buffer.buffer.transfer(0) // Frees it at once, not with the next collection.
      return
    }
    this.#spareBytes += buffer.length
    this.#spare.push(buffer)
  }
}

const MIN_BYTES = 64 * 1024
const MAX_SPARE_BYTES = 4 * 1024 ** 2
