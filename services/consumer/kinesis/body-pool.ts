/**
 * Memory for the bodies of replies, used again and again: fresh memory costs more than what is read into it, as the system
 * has to find and clear each page of it first.
 */
export class BodyPool {
  readonly #spare: Buffer[] = []
  #spareBytes = 0

  /** A buffer of that many bytes or more, with anything in it. */
  take(length: number): Buffer {
    const index = this.#spare.findIndex(spare => spare.length >= length)
    const [spare] = index < 0 ? [] : this.#spare.splice(index, 1)
    if (!spare) return Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(Math.max(length, MIN_BYTES))))
    this.#spareBytes -= spare.length
    return spare
  }

  /** Gives a buffer back that `take` gave. Nobody may hold any part of it. */
  give(buffer: Buffer): void {
    if (this.#spareBytes + buffer.length > MAX_SPARE_BYTES) return
    this.#spareBytes += buffer.length
    this.#spare.push(buffer)
  }
}

const MIN_BYTES = 64 * 1024
const MAX_SPARE_BYTES = 16 * 1024 ** 2
