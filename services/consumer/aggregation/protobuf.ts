/** Describes why a message is malformed. Caught by the reader of the message, so it never leaves this folder. */
export class MalformedMessage extends Error {}

/** The four wire types of protobuf that are in use. */
export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const FIXED32 = 5

/**
 * Reads the wire format of protobuf from a range of bytes, and never beyond it. A length is accepted only if that many
 * bytes exist, so memory is bounded by the input.
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number

  constructor(bytes: Uint8Array, start = 0, end = bytes.byteLength) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  get position(): number {
    return this.#at
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end
  }

  /** @returns the number of the field times 8 plus its wire type */
  tag(): number {
    const tag = this.varint()
    if (tag < 8 || tag > 0xff_ff_ff_ff) throw new MalformedMessage('a field that has no number')
    return tag
  }

  /**
   * Reads a number. Exact up to 2^53; a greater number stays greater than any length, which is all that it is compared
   * with.
   */
  varint(): number {
    let value = 0
    let factor = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.#at < this.#end ? this.#bytes[this.#at++] : undefined
      if (byte === undefined) throw new MalformedMessage('a number that is cut off')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    throw new MalformedMessage('a number of more than 64 bits')
  }

  /**
   * Skips a length and that many bytes.
   *
   * @returns the start of the bytes; they end at `position`
   */
  skipBytes(): number {
    const length = this.varint()
    return this.#skip(length)
  }

  /** Skips an unknown field. */
  skipField(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint()
        break
      case FIXED64:
        this.#skip(8)
        break
      case BYTES:
        this.skipBytes()
        break
      case FIXED32:
        this.#skip(4)
        break
      default:
        throw new MalformedMessage(`a field of wire type ${tag & 7}`)
    }
  }

  #skip(length: number): number {
    const start = this.#at
    if (length > this.#end - start) throw new MalformedMessage('a field that is cut off')
    this.#at = start + length
    return start
  }
}
