/** Run-length compression of a BMP, with 4, 8 or 24 bits for each color. */
export type RunLength = 'rle4' | 'rle8' | 'rle24'

export interface Canvas {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
  /** Returns the offset in `data` of a row of the file. */
  rowAt(row: number): number
  /** The red, green and blue byte of each color. */
  readonly palette: Uint8Array
}

/** Commands: the byte after a 0. A larger byte is the number of colors that are listed one by one. */
const END_OF_ROW = 0
const END_OF_IMAGE = 1
const MOVE = 2

/**
 * Draws the runs of a BMP. Pixels that a move skips stay transparent. Pixels beyond the end of a row are ignored.
 *
 * @returns the number of rows that were drawn before the bytes ended, or all rows if the file marks the end of the image
 */
export function drawRuns(bytes: Buffer, canvas: Canvas, kind: RunLength): number {
  const { data, width, height, rowAt, palette } = canvas
  const colorBytes = kind === 'rle24' ? 3 : 1
  let [at, x, row] = [0, 0, 0]

  function draw(red: number, green: number, blue: number): void {
    if (x < width) {
      const to = rowAt(row) + x * 4
      data[to] = red
      data[to + 1] = green
      data[to + 2] = blue
      data[to + 3] = 255
    }
    x++
  }
  const drawIndex = (index: number) =>
    draw(palette[index * 3] ?? 0, palette[index * 3 + 1] ?? 0, palette[index * 3 + 2] ?? 0)

  /** Draws one pixel with the color at an offset. Two colors of 4 bits share a byte: `index` selects one of them. */
  function drawFrom(offset: number, index: number): void {
    const byte = bytes[offset] ?? 0
    if (kind === 'rle24') draw(bytes[offset + 2] ?? 0, bytes[offset + 1] ?? 0, byte)
    else if (kind === 'rle8') drawIndex(byte)
    else drawIndex(index % 2 === 0 ? byte >> 4 : byte & 15)
  }

  while (row < height) {
    const count = bytes[at]
    const next = bytes[at + 1]
    // Some complete files lack the mark for the end of the image.
    if (count === undefined || next === undefined) return row === height - 1 && x >= width ? height : row
    if (count > 0) {
      if (at + 1 + colorBytes > bytes.length) return row
      // The loop stops at the end of the row, so that the invisible rest of a run costs no time.
      for (let index = 0; index < count && x < width; index++) drawFrom(at + 1, index)
      at += 1 + colorBytes
    } else if (next === END_OF_IMAGE) {
      return height
    } else if (next === END_OF_ROW) {
      row++
      x = 0
      at += 2
    } else if (next === MOVE) {
      if (at + 3 >= bytes.length) return row
      x += bytes[at + 2] ?? 0
      row += bytes[at + 3] ?? 0
      at += 4
    } else {
      const length = kind === 'rle4' ? Math.ceil(next / 2) : next * colorBytes
      if (at + 2 + length > bytes.length) return row
      for (let index = 0; index < next && x < width; index++) {
        drawFrom(at + 2 + (kind === 'rle4' ? index >> 1 : index * colorBytes), index)
      }
      // Lists are padded to an even number of bytes.
      at += 2 + length + (length % 2)
    }
  }
  return height
}
