import { type BmpHeader, decodeBitmap, type RgbaPixels, readBitmapHeader, rowBytes, unreadable } from './bmp.ts'

const DIRECTORY = 6
const ENTRY = 16
const PNG = Buffer.from('89504e470d0a1a0a', 'hex')

/** The largest picture of an icon: a PNG, or a bitmap followed by a transparency mask. */
export type IconPicture = { readonly png: Buffer } | { readonly header: BmpHeader }

/** Returns true if the bytes start like an icon or a cursor of Windows. */
export function isIcon(bytes: Buffer): boolean {
  if (bytes.length < DIRECTORY + ENTRY || bytes.readUInt16LE(0) !== 0) return false
  const type = bytes.readUInt16LE(2)
  return (type === 1 || type === 2) && bytes.readUInt16LE(4) > 0
}

/**
 * Finds the picture of an icon with the most pixels. If several pictures have that size, finds the one with the most colors. Skips
 * pictures with a damaged header.
 *
 * @throws TransformError if no picture can be read
 */
export function largestPicture(bytes: Buffer): IconPicture {
  const isCursor = bytes.readUInt16LE(2) === 2
  const entries = Array.from({ length: bytes.readUInt16LE(4) }, (_, index) => DIRECTORY + index * ENTRY)
    .filter(at => at + ENTRY <= bytes.length)
    .map(at => ({
      area: (bytes[at] || 256) * (bytes[at + 1] || 256),
      // In a cursor, the field is the position of the hot spot.
      bits: isCursor ? 0 : bytes.readUInt16LE(at + 6),
      length: bytes.readUInt32LE(at + 8),
      offset: bytes.readUInt32LE(at + 12),
    }))
    .sort((a, b) => b.area - a.area || b.bits - a.bits)
  let fault: unknown = unreadable('the icon has no picture')
  for (const [index, { offset, length }] of entries.entries()) {
    try {
      return pictureAt(bytes, offset, length)
    } catch (error) {
      // If no picture can be read, the error names the fault of the largest one.
      if (index === 0) fault = error
    }
  }
  throw fault
}

function pictureAt(bytes: Buffer, offset: number, length: number): IconPicture {
  const content = bytes.subarray(offset, offset + length)
  if (content.subarray(0, PNG.length).equals(PNG)) return { png: content }
  const header = readBitmapHeader(bytes, offset)
  const height = Math.floor(header.height / 2)
  if (height === 0) throw unreadable('the picture of the icon has no rows')
  return { header: { ...header, height } }
}

/** Decodes a bitmap of an icon. Its transparency comes from its alpha channel, or from the mask after the pixels if it has no alpha channel. */
export function decodeIcon(bytes: Buffer, header: BmpHeader): RgbaPixels {
  const withAlpha: BmpHeader['masks'] = [0xff0000, 0xff00, 0xff, 0xff000000]
  const picture = decodeBitmap(bytes, header.bitsPerPixel === 32 ? { ...header, masks: withAlpha } : header)
  const { data, width, height } = picture
  if (header.bitsPerPixel === 32 && data.some((value, index) => index % 4 === 3 && value !== 255)) return picture
  const mask = header.pixels + height * rowBytes(width, header.bitsPerPixel)
  for (let row = 0; row < height; row++) {
    for (let x = 0; x < width; x++) {
      const byte = bytes[mask + row * rowBytes(width, 1) + (x >> 3)] ?? 0
      const isTransparent = ((byte >> (7 - (x % 8))) & 1) === 1
      if (isTransparent) data[((header.isTopDown ? row : height - 1 - row) * width + x) * 4 + 3] = 0
    }
  }
  return picture
}
