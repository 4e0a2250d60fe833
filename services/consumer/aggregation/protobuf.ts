/** What is wrong with a message that is none. Caught where the message is read: it never leaves this folder. */
export class MalformedMessage extends Error {}

/** Of protobuf's wire types the four that are in use. */
export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const FIXED32 = 5

/**
 * Reads protobuf's wire format from a part of some bytes, and nothing beyond that part. Allocates nothing that the bytes
 * do not account for: a length is believed only where that many bytes are there.
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

  /** @returns the field's number times 8 plus its wire type */
  tag(): number {
    const tag = this.varint()
    if (tag < 8 || tag > 0xff_ff_ff_ff) throw new MalformedMessage('a field that has no number')
    return tag
  }

  /** Exact up to 2^53; what is greater stays greater than any length, which is all that it is compared with. */
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

  /** Passes a length and as many bytes. @returns where the bytes start; they end at `position` */
  skipBytes(): number {
    const length = this.varint()
    return this.#skip(length)
  }

  /** Passes a field that means nothing to us. */
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
