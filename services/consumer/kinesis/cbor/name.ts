/**
 * A key of a map, in a form that is cheap to look for: every record has four of them, and a comparison byte by byte would
 * cost as much as the making of a string.
 */
export class CborName {
  readonly #text: string
  readonly #length: number
  /** Its bytes, four at a time. The last four end where it ends, and so may overlap those before. */
  readonly #words: readonly number[]

  /** @param text of four characters or more, each of them ASCII */
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

  /** Whether these bytes are the name. */
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
