import { malformed } from './malformed.ts'

/** Maximum size of the headers of a part, in bytes. The same as for a request. */
const MAX_HEAD_BYTES = 128 * 1024

const [CR, LF] = [0x0d, 0x0a]

export type TakenHead =
  | { readonly isComplete: false; readonly bytes: number }
  /** `bytes` is the number of bytes of the headers in the chunk, with the empty line. */
  | { readonly isComplete: true; readonly bytes: number; readonly head: Buffer }

/** Collects the headers of one part, up to an empty line, while they arrive. */
export class HeadBuffer {
  #bytes = Buffer.allocUnsafe(512)
  #size = 0

  /**
   * Takes the bytes of the headers from the start of `chunk`.
   *
   * @param part the number of the part, for messages
   * @param offset the position of the chunk in the form, for messages
   * @throws ProblemError if a line ends with LF alone, or if the headers are too large
   */
  take(chunk: Buffer, part: number, offset: number): TakenHead {
    let start = 0
    for (;;) {
      const lineFeed = chunk.indexOf(LF, start)
      const end = lineFeed === -1 ? chunk.length : lineFeed + 1
      this.#append(chunk.subarray(start, end), part)
      if (lineFeed === -1) return { isComplete: false, bytes: end }
      if (this.#bytes[this.#size - 2] !== CR || this.#size < 2) {
        throw malformed(
          `A header line of part ${part} ends with LF alone, at byte ${offset + lineFeed}. End it with CR LF.`,
        )
      }
      const isEmptyLine = this.#size === 2 || (this.#size >= 4 && this.#bytes[this.#size - 3] === LF)
      if (isEmptyLine) {
        return { isComplete: true, bytes: end, head: this.#bytes.subarray(0, Math.max(0, this.#size - 4)) }
      }
      start = end
    }
  }

  #append(bytes: Buffer, part: number): void {
    const size = this.#size + bytes.length
    if (size > MAX_HEAD_BYTES) throw malformed(`The headers of part ${part} are larger than ${MAX_HEAD_BYTES} bytes.`)
    if (size > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(size, 2 * this.#bytes.length))
      this.#bytes.copy(larger, 0, 0, this.#size)
      this.#bytes = larger
    }
    bytes.copy(this.#bytes, this.#size)
    this.#size = size
  }
}
