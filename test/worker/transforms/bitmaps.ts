/** Creates BMP files and icons for tests. */

/** The red, green, blue and alpha of each pixel, from the top left corner. */
export type PixelAt = (x: number, y: number) => readonly [red: number, green: number, blue: number, alpha: number]

export interface BitmapOptions {
  width: number
  height: number
  bits: 1 | 2 | 4 | 8 | 16 | 24 | 32
  /** Size of the header in bytes: 12 and 64 for OS/2, 40 for Windows 3, 56 with a mask for alpha, 108 and 124 for later versions. */
  header?: 12 | 40 | 52 | 56 | 64 | 108 | 124
  topDown?: boolean
  /** The masks of the channels in pixels of 16 or 32 bits. */
  masks?: readonly number[]
  /** The palette: red, green and blue of each color. `indexAt` selects one of them. */
  palette?: readonly (readonly [number, number, number])[]
  /** Compressed pixels, and the code of their compression. */
  packed?: { compression: number; bytes: Buffer }
}

/** @param pixelAt the color of each pixel, or for up to 8 bits the index of its color as `red` */
export function bmp(options: BitmapOptions, pixelAt: PixelAt): Buffer {
  const bitmap = bitmapOf(options, pixelAt, options.height)
  const file = Buffer.alloc(14)
  file.write('BM')
  file.writeUInt32LE(14 + bitmap.all.length, 2)
  file.writeUInt32LE(14 + bitmap.pixels, 10)
  return Buffer.concat([file, bitmap.all])
}

/** Creates an icon or a cursor from pictures that are bitmaps or PNGs. */
export function icon(pictures: readonly { width: number; height: number; bits: number; content: Buffer }[], type = 1) {
  const head = Buffer.from([0, 0, type, 0, pictures.length, 0])
  let offset = head.length + 16 * pictures.length
  const entries = pictures.map(({ width, height, bits, content }) => {
    const entry = Buffer.alloc(16)
    entry.set([width % 256, height % 256, 0, 0, 1, 0, bits, 0])
    entry.writeUInt32LE(content.length, 8)
    entry.writeUInt32LE(offset, 12)
    offset += content.length
    return entry
  })
  return Buffer.concat([head, ...entries, ...pictures.map(({ content }) => content)])
}

/** Creates a bitmap of an icon. Its header states twice the height, and a transparency mask follows the pixels. */
export function iconBitmap(options: BitmapOptions, pixelAt: PixelAt, isTransparent: (x: number, y: number) => boolean) {
  const { width, height } = options
  const mask: PixelAt = (x, y) => [Number(isTransparent(x, y)), 0, 0, 0]
  return Buffer.concat([bitmapOf(options, pixelAt, 2 * height).all, rowsOf({ width, height, bits: 1 }, mask)])
}

function bitmapOf(options: BitmapOptions, pixelAt: PixelAt, statedHeight: number): { all: Buffer; pixels: number } {
  const { width, bits, header: size = 40, topDown = false, masks = [], palette = [], packed } = options
  const header = Buffer.alloc(size)
  header.writeUInt32LE(size, 0)
  if (size === 12) {
    header.writeUInt16LE(width, 4)
    header.writeUInt16LE(statedHeight, 6)
    header.writeUInt16LE(1, 8)
    header.writeUInt16LE(bits, 10)
  } else {
    header.writeInt32LE(width, 4)
    header.writeInt32LE(topDown ? -statedHeight : statedHeight, 8)
    header.writeUInt16LE(1, 12)
    header.writeUInt16LE(bits, 14)
    header.writeUInt32LE(
      packed?.compression ?? (masks.length > 0 ? (masks.length === 4 && size === 40 ? 6 : 3) : 0),
      16,
    )
    header.writeUInt32LE(palette.length, 32)
  }
  const maskBytes = Buffer.alloc(4 * masks.length)
  for (const [index, mask] of masks.entries()) maskBytes.writeUInt32LE(mask, 4 * index)
  if (size > 40) maskBytes.copy(header, 40)
  const colors = palette.map(([red, green, blue]) =>
    Buffer.from(size === 12 ? [blue, green, red] : [blue, green, red, 0]),
  )
  const before = Buffer.concat([header, ...(size === 40 ? [maskBytes] : []), ...colors])
  return { all: Buffer.concat([before, packed?.bytes ?? rowsOf(options, pixelAt)]), pixels: before.length }
}

function rowsOf({ width, height, bits, topDown = false, masks = [] }: BitmapOptions, pixelAt: PixelAt): Buffer {
  const used = masks.length > 0 ? masks : bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff]
  const rows = Array.from({ length: height }, (_, index) => {
    const y = topDown ? index : height - 1 - index
    const row = Buffer.alloc(Math.ceil((width * bits) / 32) * 4)
    for (let x = 0; x < width; x++) {
      const [red, green, blue, alpha] = pixelAt(x, y)
      if (bits <= 8) {
        const byte = Math.floor((x * bits) / 8)
        row[byte] = (row[byte] ?? 0) | (red << (8 - bits - ((x * bits) % 8)))
      } else if (bits === 24) {
        row.set([blue, green, red], x * 3)
      } else {
        const value = [red, green, blue, alpha].reduce(
          (sum, channel, index) => sum + placed(channel, used[index] ?? 0),
          0,
        )
        if (bits === 16) row.writeUInt16LE(value, x * 2)
        else row.writeUInt32LE(value, x * 4)
      }
    }
    return row
  })
  return Buffer.concat(rows)
}

/** Returns the value of a channel, 0 to 255, scaled to the bits of its mask. */
function placed(channel: number, mask: number): number {
  if (mask === 0) return 0
  const shift = 31 - Math.clz32(mask & -mask)
  const max = mask >>> shift
  return Math.round((channel * max) / 255) * 2 ** shift
}
