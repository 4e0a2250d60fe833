/** How the pixels of a BMP are compressed: runs of one color, with colors of 4, 8 or 24 bits. */
export type RunLength = 'rle4' | 'rle8' | 'rle24'

export interface Canvas {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
  /** Where a row of the file starts in `data`. */
  rowAt(row: number): number
  /** Red, green and blue of each color. */
  readonly palette: Uint8Array
}

/** The second byte after a 0 that says what comes, or how many pixels follow one by one. */
const END_OF_ROW = 0
const END_OF_IMAGE = 1
const MOVE = 2

/**
 * Draws the runs of a BMP. Pixels that a move passes over stay transparent, and those beyond a row are left out.
 *
 * @returns how many rows were drawn before the bytes ended; all of them where the file says that the image ends
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

  /** Draws the pixel of a run or a list whose colors are at an offset. Two colors of 4 bits share a byte. */
  function drawFrom(offset: number, index: number): void {
    const byte = bytes[offset] ?? 0
    if (kind === 'rle24') draw(bytes[offset + 2] ?? 0, bytes[offset + 1] ?? 0, byte)
    else if (kind === 'rle8') drawIndex(byte)
    else drawIndex(index % 2 === 0 ? byte >> 4 : byte & 15)
  }

  while (row < height) {
    const count = bytes[at]
    const next = bytes[at + 1]
    // The mark of the end is missing in some files whose picture is whole.
    if (count === undefined || next === undefined) return row === height - 1 && x >= width ? height : row
    if (count > 0) {
      if (at + 1 + colorBytes > bytes.length) return row
      // A run may not reach beyond its row, and what does is not seen: it costs nothing either.
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
      // Lists are filled up to an even number of bytes.
      at += 2 + length + (length % 2)
    }
  }
  return height
}
