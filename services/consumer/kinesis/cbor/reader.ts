import { StreamReplyError } from '../../errors.ts'
import type { CborName } from './name.ts'

const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6, other: 7 } as const
const BREAK = 0xff
const NULL = 0xf6
const UNDEFINED = 0xf7
/** Maximum nesting depth of skipped values. Replies of Kinesis have four levels. */
const MAX_DEPTH = 32

/**
 * Reads CBOR (RFC 8949) value by value, as far as replies of Kinesis need it, and creates only the requested values. It
 * terminates on any input, because every step consumes at least one byte.
 *
 * @throws StreamReplyError from every method, if the bytes end too early or have another type
 */
export class CborReader {
  readonly #bytes: Buffer
  readonly #view: DataView
  #at = 0
  #sharesBytes = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** True if a returned value is a view of the input. */
  get sharesBytes(): boolean {
    return this.#sharesBytes
  }

  /** Starts a map. Returns the count of entries, for `hasMore`. */
  map(): number {
    return this.#start(MAJOR.map, 2)
  }

  /** Starts an array. Returns the count of items, for `hasMore`. */
  array(): number {
    return this.#start(MAJOR.array, 1)
  }

  /** Returns true if the map or array has more entries. `left` is its initial count minus the entries read so far. */
  hasMore(left: number): boolean {
    if (left >= 0) return left > 0
    // For an indefinite length, `left` is negative and stays so; a break marks the end.
    if (this.#bytes[this.#at] !== BREAK) return true
    this.#at++
    return false
  }

  /**
   * Reads the key of a map entry. Returns its index in `known`, or -1 if the key is unknown and its value must be
   * skipped.
   *
   * @param guess the index to compare first, because maps of one kind have their keys in the same order
   */
  key(known: readonly CborName[], guess = 0): number {
    const first = this.#peek()
    if (first >> 5 !== MAJOR.text) {
      this.skip()
      return -1
    }
    if (first === 0x7f) {
      const text = this.text()
      return known.findIndex(name => name.text === text)
    }
    const length = this.#length()
    const start = this.#content(length)
    if (known[guess]?.isAt(this.#view, start, length)) return guess
    return known.findIndex(name => name.isAt(this.#view, start, length))
  }

  /** Skips a null, if there is one. Returns whether there was one. */
  takeNull(): boolean {
    const first = this.#peek()
    if (first !== NULL && first !== UNDEFINED) return false
    this.#at++
    return true
  }

  text(): string {
    if (this.#peek() === 0x7f) return this.#chunks(MAJOR.text).toString()
    const start = this.#content(this.#lengthOf(MAJOR.text))
    return this.#bytes.toString('utf8', start, this.#at)
  }

  /** Reads ASCII text, such as digits. Cheaper than `text` for long strings. */
  ascii(): string {
    if (this.#peek() === 0x7f) return this.#chunks(MAJOR.text).toString('latin1')
    const start = this.#content(this.#lengthOf(MAJOR.text))
    return this.#bytes.toString('latin1', start, this.#at)
  }

  /**
   * Reads bytes: a view of the input, or a copy if there are fewer than `viewFrom`. Chunks are concatenated. Text is
   * decoded as base64, which emulators send.
   */
  bytes(viewFrom = 0): Buffer {
    const first = this.#peek()
    if (first === 0x5f) return this.#chunks(MAJOR.bytes)
    if (first >> 5 === MAJOR.text) return Buffer.from(this.ascii(), 'base64')
    const length = this.#lengthOf(MAJOR.bytes)
    const start = this.#content(length)
    if (length >= viewFrom) {
      this.#sharesBytes = true
      return this.#bytes.subarray(start, this.#at)
    }
    const copy = Buffer.allocUnsafe(length)
    this.#bytes.copy(copy, 0, start, this.#at)
    return copy
  }

  /** Reads a number, with or without tags. */
  number(): number {
    for (;;) {
      const first = this.#byte()
      switch (first >> 5) {
        case MAJOR.unsigned:
          return this.#argument(first & 31)
        case MAJOR.negative:
          return -1 - this.#argument(first & 31)
        case MAJOR.tag:
          this.#argument(first & 31)
          continue
      }
      const size = first === 0xf9 ? 2 : first === 0xfa ? 4 : first === 0xfb ? 8 : 0
      if (size > 0) return readFloat(this.#view, this.#content(size), size)
      throw this.#unexpected('a number')
    }
  }

  /** Skips a value of any type. */
  skip(depth = 0): void {
    if (depth > MAX_DEPTH) throw new StreamReplyError(`A reply of Kinesis has values nested ${depth} deep.`)
    const first = this.#peek()
    switch (first >> 5) {
      case MAJOR.bytes:
      case MAJOR.text:
        this.#skipString(first)
        return
      case MAJOR.array:
        for (let left = this.array(); this.hasMore(left); left--) this.skip(depth + 1)
        return
      case MAJOR.map:
        for (let left = this.map(); this.hasMore(left); left--) {
          this.skip(depth + 1)
          this.skip(depth + 1)
        }
        return
      case MAJOR.tag:
        this.#at++
        this.#argument(first & 31)
        this.skip(depth + 1)
        return
      case MAJOR.other:
        this.#skipSimple()
        return
    }
    this.number()
  }

  /** Checks that the whole input was read. */
  end(): void {
    if (this.#at === this.#bytes.length) return
    throw new StreamReplyError(`A reply of Kinesis has extra bytes after its end, at byte ${this.#at}.`)
  }

  #start(major: number, minBytes: number): number {
    const first = this.#byte()
    if (first >> 5 !== major) throw this.#unexpected(major === MAJOR.map ? 'a map' : 'an array')
    if ((first & 31) === 31) return -1
    const count = this.#argument(first & 31)
    if (count * minBytes > this.#bytes.length - this.#at) throw this.#cut()
    return count
  }

  #skipString(first: number): void {
    if ((first & 31) === 31) this.#chunks(first >> 5)
    else this.#content(this.#length())
  }

  #skipSimple(): void {
    const first = this.#byte()
    const info = first & 31
    if (info > 27) throw this.#unexpected('a value')
    if (info >= 24) this.#content(2 ** (info - 24))
  }

  /** Reads a string of indefinite length: chunks of definite length and the same type, up to a break. */
  #chunks(major: number): Buffer {
    this.#at++
    const chunks: Buffer[] = []
    while (this.hasMore(-1)) {
      const start = this.#content(this.#lengthOf(major))
      chunks.push(this.#bytes.subarray(start, this.#at))
    }
    return Buffer.concat(chunks)
  }

  #lengthOf(major: number): number {
    if (this.#peek() >> 5 !== major) {
      this.#at++
      throw this.#unexpected(major === MAJOR.text ? 'text' : 'bytes')
    }
    return this.#length()
  }

  #length(): number {
    return this.#argument(this.#byte() & 31)
  }

  /** Consumes bytes. Returns their start; they end at the position of the reader. */
  #content(length: number): number {
    const start = this.#at
    if (length > this.#bytes.length - start) throw this.#cut()
    this.#at = start + length
    return start
  }

  #argument(info: number): number {
    if (info < 24) return info
    switch (info) {
      case 24:
        return this.#byte()
      case 25:
        return this.#view.getUint16(this.#content(2))
      case 26:
        return this.#view.getUint32(this.#content(4))
      case 27: {
        const start = this.#content(8)
        return this.#view.getUint32(start) * 2 ** 32 + this.#view.getUint32(start + 4)
      }
    }
    throw this.#unexpected('a length')
  }

  #peek(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw this.#cut()
    return byte
  }

  #byte(): number {
    const byte = this.#peek()
    this.#at++
    return byte
  }

  #cut(): StreamReplyError {
    return new StreamReplyError(`A reply of Kinesis is cut off after ${this.#bytes.length} bytes.`)
  }

  #unexpected(expected: string): StreamReplyError {
    return new StreamReplyError(`A reply of Kinesis has no ${expected.replace(/^an? /, '')} at byte ${this.#at - 1}.`)
  }
}

/** Reads a float of 2, 4 or 8 bytes. Node 22 has no `getFloat16`. */
function readFloat(bytes: DataView, at: number, size: number): number {
  if (size === 8) return bytes.getFloat64(at)
  if (size === 4) return bytes.getFloat32(at)
  const half = bytes.getUint16(at)
  const exponent = (half >> 10) & 31
  const fraction = half & 0x3ff
  const sign = half & 0x8000 ? -1 : 1
  if (exponent === 0) return sign * 2 ** -24 * fraction
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * 2 ** (exponent - 25) * (1_024 + fraction)
}
