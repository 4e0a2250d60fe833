import { TransformError } from '../../../errors.ts'
import { drawRuns, type RunLength } from './bmp-runs.ts'

/** The header of a BMP, or of the bitmap in an icon. All offsets are in bytes of the file. */
export interface BmpHeader {
  readonly width: number
  readonly height: number
  /** True if the first row of the file is the top row. By default it is the bottom row. */
  readonly isTopDown: boolean
  readonly bitsPerPixel: number
  readonly compression: 'none' | RunLength
  /** The bits of each channel in pixels of 16 and 32 bits. A mask is 0 if the pixels do not have the channel. */
  readonly masks: readonly [red: number, green: number, blue: number, alpha: number]
  readonly palette: { readonly offset: number; readonly entries: number; readonly entryBytes: 3 | 4 }
  readonly pixels: number
}

/** Decoded pixels of 4 bytes: red, green, blue, alpha. */
export interface RgbaPixels {
  readonly data: Uint8Array<ArrayBuffer>
  readonly width: number
  readonly height: number
  /** Describes the fault, if a part of the file could not be read. */
  readonly fault?: string
}

const FILE_HEADER = 14
/** Size of the header of OS/2 1.x. Its width and height have 16 bits, and its palette has 3 bytes for each color. */
const CORE_HEADER = 12
/** Size of the header of Windows 3. Masks follow this header. Later headers contain them. */
const INFO_HEADER = 40
/** Size of the full header of OS/2 2.x. Its compression codes 3 and 4 have other meanings than those of Windows. */
const OS2_HEADER = 64
/** Size of the smallest header with a mask for alpha. */
const ALPHA_HEADER = 56

const DEPTHS = [1, 2, 4, 8, 16, 24, 32]

/** True if the bytes start as a BMP file does. */
export function isBmp(bytes: Buffer): boolean {
  return bytes.length >= FILE_HEADER + CORE_HEADER && bytes.toString('latin1', 0, 2) === 'BM'
}

/**
 * Reads the header of a BMP file.
 *
 * @throws TransformError for an invalid header, or for a compression that browsers do not support either
 */
export function readBmpHeader(bytes: Buffer): BmpHeader {
  const header = readBitmapHeader(bytes, FILE_HEADER)
  const stated = bytes.readUInt32LE(10)
  const { offset, entries, entryBytes } = header.palette
  // Some programs omit the offset of the pixels, or state one inside the headers. Then the pixels follow the palette.
  const pixels = stated > offset || (entries === 0 && stated === offset) ? stated : header.pixels
  const room = Math.floor((pixels - offset) / entryBytes)
  return { ...header, pixels, palette: { offset, entryBytes, entries: Math.min(entries, room) } }
}

/** Reads the header of a bitmap at an offset: after the file header of a BMP, or inside an icon. */
export function readBitmapHeader(bytes: Buffer, at: number): BmpHeader {
  const size = at + 4 <= bytes.length ? bytes.readUInt32LE(at) : 0
  if (size === 0) throw unreadable('the file ends before the header of its bitmap')
  if (size < CORE_HEADER || (size > CORE_HEADER && size < 16) || at + size > bytes.length) {
    throw unreadable(`its header states a size of ${size} bytes`)
  }
  const isCore = size === CORE_HEADER
  const width = isCore ? bytes.readUInt16LE(at + 4) : bytes.readInt32LE(at + 4)
  const height = isCore ? bytes.readUInt16LE(at + 6) : bytes.readInt32LE(at + 8)
  const bitsPerPixel = bytes.readUInt16LE(at + (isCore ? 10 : 14))
  const field = (offset: number) => (size >= offset + 4 ? bytes.readUInt32LE(at + offset) : 0)
  if (width <= 0 || height === 0) throw unreadable(`its header states ${width} × ${height} pixels`)
  if (!DEPTHS.includes(bitsPerPixel)) throw unreadable(`its header states ${bitsPerPixel} bits a pixel`)
  const [compression, separateMasks] = compressionOf(field(16), bitsPerPixel, size)
  const offset = at + size + 4 * separateMasks
  const maxColors = bitsPerPixel <= 8 ? 2 ** bitsPerPixel : 0
  return {
    width,
    height: Math.abs(height),
    isTopDown: height < 0,
    bitsPerPixel,
    compression: compression === 'masks' ? 'none' : compression,
    masks:
      compression === 'masks'
        ? masksAt(bytes, at + INFO_HEADER, separateMasks || (size >= ALPHA_HEADER ? 4 : 3))
        : usualMasks(bitsPerPixel),
    palette: {
      offset,
      entries: field(32) > 0 ? Math.min(field(32), maxColors) : maxColors,
      entryBytes: isCore ? 3 : 4,
    },
    // Files of 24 and 32 bits may have a palette too. It is only a hint for displays with few colors.
    pixels: offset + (isCore ? 3 : 4) * (field(32) || maxColors),
  }
}

/** Decodes the pixels. Missing ones are transparent. */
export function decodeBitmap(bytes: Buffer, header: BmpHeader): RgbaPixels {
  const { width, height, bitsPerPixel, compression } = header
  const data = new Uint8Array(width * height * 4)
  const palette = paletteOf(bytes, header)
  const rowAt = (row: number) => (header.isTopDown ? row : height - 1 - row) * width * 4
  let rows: number
  if (compression !== 'none')
    rows = drawRuns(bytes.subarray(header.pixels), { data, width, height, rowAt, palette }, compression)
  else if (bitsPerPixel <= 8) rows = drawIndexed(bytes, header, data, { rowAt, palette })
  else if (bitsPerPixel === 24) rows = drawBgr(bytes, header, data, rowAt)
  else rows = drawMasked(bytes, header, data, rowAt)
  const fault = rows < height ? { fault: `the file ends in row ${rows + 1} of ${height}` } : {}
  return { data, width, height, ...fault }
}

/** Returns the number of bytes of a row in the file. Rows are padded to multiples of 4 bytes. */
export function rowBytes(width: number, bitsPerPixel: number): number {
  return Math.ceil((width * bitsPerPixel) / 32) * 4
}

/** @returns the compression, and the number of masks that follow the header */
function compressionOf(code: number, bitsPerPixel: number, size: number): ['none' | 'masks' | RunLength, number] {
  const isOs2 = size === OS2_HEADER || size === 16
  if (code === 0) return ['none', 0]
  if (code === 1 && bitsPerPixel === 8) return ['rle8', 0]
  if (code === 2 && bitsPerPixel === 4) return ['rle4', 0]
  if (code === 4 && isOs2 && bitsPerPixel === 24) return ['rle24', 0]
  if (!isOs2 && (code === 3 || code === 6) && (bitsPerPixel === 16 || bitsPerPixel === 32)) {
    return ['masks', size >= 52 ? 0 : code === 6 ? 4 : 3]
  }
  throw unreadable(`compression ${code} with ${bitsPerPixel} bits a pixel is not supported`)
}

function masksAt(bytes: Buffer, at: number, count: number): BmpHeader['masks'] {
  const mask = (index: number) =>
    index < count && at + 4 * index + 4 <= bytes.length ? bytes.readUInt32LE(at + 4 * index) : 0
  return [mask(0), mask(1), mask(2), mask(3)]
}

function usualMasks(bitsPerPixel: number): BmpHeader['masks'] {
  return bitsPerPixel === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0]
}

/** Returns the red, green and blue byte of each color. A color beyond the palette is black, as in browsers. */
function paletteOf(bytes: Buffer, { palette: { offset, entries, entryBytes }, bitsPerPixel }: BmpHeader): Uint8Array {
  const colors = new Uint8Array(256 * 3)
  if (bitsPerPixel > 8) return colors
  for (let index = 0; index < entries; index++) {
    const at = offset + index * entryBytes
    for (let channel = 0; channel < 3; channel++) colors[index * 3 + channel] = bytes[at + 2 - channel] ?? 0
  }
  return colors
}

type RowAt = (row: number) => number

function drawIndexed(
  bytes: Buffer,
  { width, height, bitsPerPixel, pixels }: BmpHeader,
  data: Uint8Array,
  { rowAt, palette }: { rowAt: RowAt; palette: Uint8Array },
): number {
  const perByte = 8 / bitsPerPixel
  const mask = 2 ** bitsPerPixel - 1
  for (let row = 0; row < height; row++) {
    const from = pixels + row * rowBytes(width, bitsPerPixel)
    let to = rowAt(row)
    for (let x = 0; x < width; x++, to += 4) {
      const byte = bytes[from + Math.floor(x / perByte)]
      if (byte === undefined) return row
      const color = ((byte >> (8 - bitsPerPixel * ((x % perByte) + 1))) & mask) * 3
      data[to] = palette[color] ?? 0
      data[to + 1] = palette[color + 1] ?? 0
      data[to + 2] = palette[color + 2] ?? 0
      data[to + 3] = 255
    }
  }
  return height
}

function drawBgr(bytes: Buffer, { width, height, pixels }: BmpHeader, data: Uint8Array, rowAt: RowAt): number {
  for (let row = 0; row < height; row++) {
    let from = pixels + row * rowBytes(width, 24)
    let to = rowAt(row)
    for (let x = 0; x < width; x++, from += 3, to += 4) {
      if (from + 2 >= bytes.length) return row
      data[to] = bytes[from + 2] ?? 0
      data[to + 1] = bytes[from + 1] ?? 0
      data[to + 2] = bytes[from] ?? 0
      data[to + 3] = 255
    }
  }
  return height
}

function drawMasked(bytes: Buffer, header: BmpHeader, data: Uint8Array, rowAt: RowAt): number {
  const { width, height, bitsPerPixel, pixels } = header
  const [red, green, blue, alpha] = header.masks
  const [toRed, toGreen, toBlue] = [channelOf(red), channelOf(green), channelOf(blue)]
  const toAlpha = alpha === 0 ? () => 255 : channelOf(alpha)
  const step = bitsPerPixel / 8
  let rows = height
  let isSeen = false
  for (let row = 0; row < height && rows === height; row++) {
    let from = pixels + row * rowBytes(width, bitsPerPixel)
    let to = rowAt(row)
    for (let x = 0; x < width; x++, from += step, to += 4) {
      if (from + step > bytes.length) {
        rows = row
        break
      }
      const value = step === 2 ? bytes.readUInt16LE(from) : bytes.readUInt32LE(from)
      data[to] = toRed(value)
      data[to + 1] = toGreen(value)
      data[to + 2] = toBlue(value)
      data[to + 3] = toAlpha(value)
      isSeen ||= data[to + 3] !== 0
    }
  }
  // Some programs declare an alpha channel and leave it empty. Browsers show such an image as opaque.
  if (alpha !== 0 && !isSeen) {
    for (let row = 0; row < rows; row++) {
      const from = rowAt(row)
      for (let x = 0; x < width; x++) data[from + x * 4 + 3] = 255
    }
  }
  return rows
}

/** Returns a function that reads a channel of a pixel, scaled to 0 to 255. */
function channelOf(mask: number): (pixel: number) => number {
  if (mask === 0) return () => 0
  const shift = 31 - Math.clz32(mask & -mask)
  const max = mask >>> shift
  if (max === 255) return pixel => (pixel >>> shift) & 255
  return pixel => Math.round(((((pixel >>> shift) & max) >>> 0) * 255) / max)
}

export function unreadable(reason: string): TransformError {
  return new TransformError(`The image cannot be read: ${reason}.`)
}
