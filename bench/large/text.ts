/**
 * A line with characters of several lengths in UTF-8, one of which becomes two in upper case, so that chunks of any
 * size split characters.
 */
const LINE = Buffer.from('schöne Grüße aus Straßburg, 中文 🎉 and plain words to fill the line\n')
const UPPER = Buffer.from(LINE.toString().toUpperCase())

const MIB = 1024 ** 2

/** Returns the size of a text of whole lines with at least `bytes` bytes. */
export function textBytes(bytes: number): number {
  return Math.ceil(bytes / LINE.byteLength) * LINE.byteLength
}

/** Returns the size of such a text in upper case. */
export function upperBytes(bytes: number): number {
  return (bytes / LINE.byteLength) * UPPER.byteLength
}

const lines = repeated(LINE, MIB)
const upper = repeated(UPPER, 16 * MIB)

/** Yields the text in chunks that end anywhere. */
export function* textOfBytes(bytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes; ) {
    const from = at % LINE.byteLength
    const piece = lines.subarray(from, Math.min(from + 65_521, from + bytes - at))
    yield piece
    at += piece.byteLength
  }
}

/** Returns whether these bytes are those of the upper-case text at `offset`. */
export function isUpper(bytes: Buffer, offset: number): boolean {
  const from = offset % UPPER.byteLength
  return upper.subarray(from, from + bytes.byteLength).equals(bytes)
}

function repeated(line: Buffer, minBytes: number): Buffer {
  return Buffer.alloc(Math.ceil(minBytes / line.byteLength + 1) * line.byteLength, line)
}
