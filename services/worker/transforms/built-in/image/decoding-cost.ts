import type { ImageMetadata } from './decode.ts'
import { readJpeg } from './jpeg.ts'

/** The estimated cost of decoding an image, from its header. */
export interface DecodingCost {
  /** Memory beside the file itself, in bytes. */
  bytes: number
  /** Number of passes over the image. */
  scans: number
  /** The properties that the estimate is based on, for an error message. */
  facts: string
}

type Header = Pick<
  ImageMetadata,
  'format' | 'width' | 'height' | 'channels' | 'depth' | 'isProgressive' | 'bitsPerSample' | 'hasAlpha'
>

/** Bytes of one channel of a pixel, by the name that sharp has for the depth. */
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
/** Number of rows that libvips buffers of an image that it reads from top to bottom, beside the rows that resizing needs. */
const ROWS = 512
/** Bytes for each pixel of the thumbnail: the pixel, and the encoder's copies of it. */
const OUTPUT = 8

/**
 * Estimates the memory for decoding an image and writing a thumbnail of it, from the image's header. The factors are a little larger
 * than measurements of sharp 0.35.5 (libvips 8.18.7) in a separate process. Comments give the measured bytes for each pixel.
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

/**
 * librsvg draws one part of a drawing at a time: it takes 45 MB for a plain drawing of any size, and 150 MB for 20 stacked layers. The
 * memory limit of the process bounds the rest.
 */
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
      // With coefficients of two bytes in memory: 3.3 for 4:2:0, 6.3 for 4:4:4, 8.5 for CMYK. Otherwise 0.5.
      return holdsCoefficients
        ? { perPixel: 2 * coefficientsPerPixel + 0.6, scans, kind: `JPEG in ${scans} scans` }
        : { perPixel: 0.6, scans, kind: 'JPEG in one scan' }
    }
    case 'png':
      // For each byte of a pixel: 1.35 if interlaced, otherwise 0.53.
      return isProgressive
        ? { perPixel: 1.5 * sample, kind: 'interlaced PNG' }
        : { perPixel: 0.6 * sample, kind: 'PNG' }
    case 'webp':
      // 4.1 for a lossless image. 0.2 for a lossy image without an alpha channel or frames.
      return bytes.toString('latin1', 12, 16) === 'VP8 '
        ? { perPixel: 0.6, kind: 'lossy WebP' }
        : { perPixel: 5, kind: 'WebP' }
    case 'gif':
      // 5.4 to 8.5. Only the first frame is decoded.
      return { perPixel: 10, kind: 'GIF' }
    case 'tiff':
      // For each byte of a pixel: 0.45 in strips or small tiles, 1.4 to 2.5 in one tile of the image's size. If a file states larger
      // tiles, the memory limit of the process stops it.
      return { perPixel: 1.5 * sample, kind: 'TIFF' }
    case 'bmp':
    case 'ico':
      // 4 for the decoded pixels, and 8 while sharp copies them.
      return { perPixel: 9, kind: format.toUpperCase() }
    case 'svg':
      return { perPixel: SVG_PER_PIXEL, kind: 'SVG' }
    case 'heif': {
      // AVIF with 8 bits: 16.1 for 4:2:0, 19.5 for 4:4:4. AVIF with more bits: 19.5 for 4:2:0, 26.2 for 4:4:4.
      const isSubsampled = hasSubsampledAv1(bytes)
      const bits = bitsPerSample > 8 ? [20, 27] : [17, 20.5]
      const perPixel = (isSubsampled ? bits[0] : bits[1]) ?? 27
      return { perPixel, kind: `AVIF of ${bitsPerSample} bits, ${isSubsampled ? '4:2:0' : '4:4:4'}` }
    }
    default:
      // A format that only other builds of sharp decode. This is more than the largest measurement of any format.
      return { perPixel: 27 + 2 * sample, kind: format }
  }
}

/** Returns true if every AV1 configuration of the file has chroma subsampling in both directions (4:2:0). */
function hasSubsampledAv1(bytes: Buffer): boolean {
  const found: boolean[] = []
  for (let at = bytes.indexOf('av1C'); at >= 0 && found.length < 64; at = bytes.indexOf('av1C', at + 4)) {
    // The bytes after the name: marker and version; profile and level; tier, two bits of depth, monochrome, subsampling in x and in y.
    found.push(((bytes[at + 6] ?? 0) & 0b1100) === 0b1100)
  }
  return found.length > 0 && found.every(Boolean)
}
