/**
 * A key of a map, in a form that is cheap to compare: every record has four keys, and a comparison byte by byte would
 * cost as much as creating a string.
 */
export class CborName {
  readonly #text: string
  readonly #length: number
  /**
   * The bytes of the key, four at a time. The last word ends at the end of the key, and may overlap the previous one.
   */
  readonly #words: readonly number[]

  /** @param text at least four ASCII characters */
  constructor(text: string) {
    const bytes = Buffer.from(text)
    if (bytes.length < WORD) throw new RangeError(`'${text}' is shorter than ${WORD} bytes.`)
    this.#text = text
    this.#length = bytes.length
    this.#words = Array.from({ length: Math.ceil(bytes.length / WORD) }, (_, i) =>
      bytes.readInt32BE(Math.min(i * WORD, bytes.length - WORD)),
    )
  }

  get text(): string {
    return this.#text
  }

  /** Returns true if these bytes are the key. */
  isAt(view: DataView, start: number, length: number): boolean {
    if (length !== this.#length) return false
    const last = start + length - WORD
    let at = start
    for (const word of this.#words) {
      if (view.getInt32(at < last ? at : last) !== word) return false
      at += WORD
    }
    return true
  }
}

const WORD = 4

export const names = (...all: string[]) => all.map(name => new CborName(name))
