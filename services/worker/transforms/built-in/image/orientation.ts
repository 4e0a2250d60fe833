import type { Sharp } from 'sharp'
import type { ImageMetadata } from './decode.ts'

/** Formats whose orientation is applied here. The orientation of AVIF is in its container, and the decoder applies it. */
const ORIENTED = new Set(['jpeg', 'png', 'webp', 'tiff'])

/** Number of bytes of the XMP that are searched. Programs write large properties into separate packets. */
const MAX_XMP_BYTES = 256 * 1024

const IN_XMP = /\btiff:Orientation\s{0,8}(?:=\s{0,8}["']|>)\s{0,8}([1-8])\s{0,8}["'<]/

/** Returns the EXIF number of an image's orientation: from its EXIF, or from its XMP if it has no EXIF orientation. */
export function orientationOf({ format, orientation, xmp }: ImageMetadata): number {
  if (orientation !== undefined) return orientation
  if (!ORIENTED.has(format) || xmp === undefined) return 1
  return Number(IN_XMP.exec(xmp.subarray(0, MAX_XMP_BYTES).toString('latin1'))?.[1] ?? 1)
}

/** Returns the width and height of the upright image. */
export function uprightSize(metadata: ImageMetadata): { width: number; height: number } {
  const { width, height } = metadata
  return orientationOf(metadata) >= 5 ? { width: height, height: width } : { width, height }
}

/** Turns the pixels upright. sharp's own `autoOrient` ignores the XMP. */
export function turnUpright(pixels: Sharp, metadata: ImageMetadata): Sharp {
  if (metadata.orientation !== undefined) return pixels.autoOrient()
  switch (orientationOf(metadata)) {
    case 2:
      return pixels.flop()
    case 3:
      return pixels.rotate(180)
    case 4:
      return pixels.flip()
    // sharp rotates after it mirrors.
    case 5:
      return pixels.flop().rotate(270)
    case 6:
      return pixels.rotate(90)
    case 7:
      return pixels.flop().rotate(90)
    case 8:
      return pixels.rotate(270)
    default:
      return pixels
  }
}
