import type { Sharp } from 'sharp'
import type { ImageMetadata } from './decode.ts'

/** Formats whose EXIF orientation counts. That of AVIF is in the container, and is applied by decoding. */
const ORIENTED = new Set(['jpeg', 'png', 'webp', 'tiff'])

/** How much of the XMP is searched, in bytes. What other than orientation is large stands in packets of its own. */
const MAX_XMP_BYTES = 256 * 1024

const IN_XMP = /\btiff:Orientation\s{0,8}(?:=\s{0,8}["']|>)\s{0,8}([1-8])\s{0,8}["'<]/

/** How an image must be turned to stand upright, as EXIF numbers it: by its EXIF, or by its XMP where it has no EXIF orientation. */
export function orientationOf({ format, orientation, xmp }: ImageMetadata): number {
  if (orientation !== undefined) return orientation
  if (!ORIENTED.has(format) || xmp === undefined) return 1
  return Number(IN_XMP.exec(xmp.subarray(0, MAX_XMP_BYTES).toString('latin1'))?.[1] ?? 1)
}

/** Width and height of the upright image. */
export function uprightSize(metadata: ImageMetadata): { width: number; height: number } {
  const { width, height } = metadata
  return orientationOf(metadata) >= 5 ? { width: height, height: width } : { width, height }
}

/** Turns the pixels upright. sharp itself looks only at the EXIF. */
export function turnUpright(pixels: Sharp, metadata: ImageMetadata): Sharp {
  if (metadata.orientation !== undefined) return pixels.autoOrient()
  switch (orientationOf(metadata)) {
    case 2:
      return pixels.flop()
    case 3:
      return pixels.rotate(180)
    case 4:
      return pixels.flip()
    // Mirroring comes before turning.
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
