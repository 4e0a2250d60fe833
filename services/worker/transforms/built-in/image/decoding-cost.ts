import type { ImageMetadata } from './decode.ts'
import { readJpeg } from './jpeg.ts'

/** What an image takes to decode, as far as its header tells. */
export interface DecodingCost {
  /** Bytes of memory beside the file itself. */
  bytes: number
  /** Passes over the image. */
  scans: number
  /** What the figure was made of, for the owner. */
  facts: string
}

type Header = Pick<
  ImageMetadata,
  'format' | 'width' | 'height' | 'channels' | 'depth' | 'isProgressive' | 'bitsPerSample' | 'hasAlpha'
>

/** Bytes of a channel of a pixel, by what sharp calls them. */
const DEPTH: Readonly<Record<string, number>> = {
  uchar: 1,
  char: 1,
  ushort: 2,
  short: 2,
  uint: 4,
  int: 4,
  float: 4,
  double: 8,
}
/** Rows that libvips keeps of an image which it reads from top to bottom, beside the part of it that resizing needs. */
const ROWS = 512
/** Bytes a pixel of the thumbnail: its pixels, and the encoder's copies of them. */
const OUTPUT = 8

/**
 * Estimates from the header what decoding an image and writing a thumbnail of it take. The factors are a little over what sharp
 * 0.35.5 (libvips 8.18.7) was measured to take in a process of its own; the comments give the measured ones, in bytes a pixel.
 */
export function decodingCost(bytes: Buffer, header: Header, longestSide: number): DecodingCost {
  const { width, height, channels, depth } = header
  const sample = channels * (DEPTH[depth] ?? 8)
  const { perPixel, scans = 1, kind } = costOf(bytes, header, sample)
  const scale = Math.min(1, longestSide / Math.max(width, height))
  const pixels = width * height
  return {
    bytes: Math.ceil(pixels * perPixel + width * sample * ROWS + pixels * scale ** 2 * OUTPUT),
    scans,
    facts: `${width} × ${height} pixels, ${kind}, ${channels} channels of ${depth}`,
  }
}

/** librsvg draws a part at a time: 45 MB for a plain drawing of any size, 150 MB for 20 layers on each other. The process has a limit. */
const SVG_PER_PIXEL = 5

interface FormatCost {
  perPixel: number
  scans?: number
  kind: string
}

function costOf(bytes: Buffer, { format, isProgressive, bitsPerSample = 8 }: Header, sample: number): FormatCost {
  switch (format) {
    case 'jpeg': {
      const { scans, holdsCoefficients, coefficientsPerPixel } = readJpeg(bytes)
      // Two bytes each: 3.3 for 4:2:0, 6.3 for 4:4:4, 8.5 for CMYK. Without, 0.5.
      return holdsCoefficients
        ? { perPixel: 2 * coefficientsPerPixel + 0.6, scans, kind: `JPEG in ${scans} scans` }
        : { perPixel: 0.6, scans, kind: 'JPEG in one scan' }
    }
    case 'png':
      // 1.35 for each byte of a pixel, and 0.53.
      return isProgressive
        ? { perPixel: 1.5 * sample, kind: 'interlaced PNG' }
        : { perPixel: 0.6 * sample, kind: 'PNG' }
    case 'webp':
      // 4.1 for a lossless image, 0.2 for any other without an alpha channel or frames.
      return bytes.toString('latin1', 12, 16) === 'VP8 '
        ? { perPixel: 0.6, kind: 'lossy WebP' }
        : { perPixel: 5, kind: 'WebP' }
    case 'gif':
      // 5.4 to 8.5. The first frame alone is decoded.
      return { perPixel: 10, kind: 'GIF' }
    case 'tiff':
      // 0.45 for each byte of a pixel in strips or small tiles, 1.4 to 2.5 in one tile of the image's size. Whoever says that
      // tiles are larger still is stopped by the limit of the process.
      return { perPixel: 1.5 * sample, kind: 'TIFF' }
    case 'bmp':
    case 'ico':
      // 4 for the decoded pixels, twice while sharp takes them over.
      return { perPixel: 9, kind: format.toUpperCase() }
    case 'svg':
      return { perPixel: SVG_PER_PIXEL, kind: 'SVG' }
    case 'heif': {
      // AVIF. 8 bits: 16.1 for 4:2:0, 19.5 for 4:4:4. More bits: 19.5 and 26.2.
      const isSubsampled = hasSubsampledAv1(bytes)
      const bits = bitsPerSample > 8 ? [20, 27] : [17, 20.5]
      const perPixel = (isSubsampled ? bits[0] : bits[1]) ?? 27
      return { perPixel, kind: `AVIF of ${bitsPerSample} bits, ${isSubsampled ? '4:2:0' : '4:4:4'}` }
    }
    default:
      // Of a format that another build of sharp decodes: more than any other was measured to take.
      return { perPixel: 27 + 2 * sample, kind: format }
  }
}

/** True if every AV1 configuration of the file says that colours have half of the resolution both ways. */
function hasSubsampledAv1(bytes: Buffer): boolean {
  const found: boolean[] = []
  for (let at = bytes.indexOf('av1C'); at >= 0 && found.length < 64; at = bytes.indexOf('av1C', at + 4)) {
    // After the name: marker and version; profile and level; tier, two bits of depth, monochrome, subsampling across and down.
    found.push(((bytes[at + 6] ?? 0) & 0b1100) === 0b1100)
  }
  return found.length > 0 && found.every(Boolean)
}
