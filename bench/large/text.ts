/** A line with characters of several lengths, one of which becomes two: chunks of any size cut them. */
const LINE = Buffer.from('schöne Grüße aus Straßburg, 中文 🎉 and plain words to fill the line\n')
const UPPER = Buffer.from(LINE.toString().toUpperCase())

const MIB = 1024 ** 2

/** So many bytes of the line that are as near to `bytes` as whole lines come. */
export function textBytes(bytes: number): number {
  return Math.ceil(bytes / LINE.byteLength) * LINE.byteLength
}

/** How many bytes such a text has in upper case. */
export function upperBytes(bytes: number): number {
  return (bytes / LINE.byteLength) * UPPER.byteLength
}

const lines = repeated(LINE, MIB)
const upper = repeated(UPPER, 16 * MIB)

/** The text from its beginning, in pieces that end anywhere. */
export function* textOfBytes(bytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes; ) {
    const from = at % LINE.byteLength
    const piece = lines.subarray(from, Math.min(from + 65_521, from + bytes - at))
    yield piece
    at += piece.byteLength
  }
}

/** Whether these are the bytes of the text in upper case from `offset` on. */
export function isUpper(bytes: Buffer, offset: number): boolean {
  const from = offset % UPPER.byteLength
  return upper.subarray(from, from + bytes.byteLength).equals(bytes)
}

function repeated(line: Buffer, minBytes: number): Buffer {
  return Buffer.alloc(Math.ceil(minBytes / line.byteLength + 1) * line.byteLength, line)
}
