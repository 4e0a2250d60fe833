import { readFileSync } from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'

/** Creates a picture of one color, which has few bytes and many pixels. */
export function flat(width: number, height = width, channels: 3 | 4 = 3) {
  const background = channels === 4 ? { r: 51, g: 102, b: 153, alpha: 0.5 } : '#336699'
  return sharp({ create: { width, height, channels, background } })
}

/**
 * Returns an AVIF of 7,000 x 7,000 pixels with 10 bits. It is a file of 1.4 KB, because to create it takes 4 seconds of processor time:
 * `flat(7_000).avif({ bitdepth: 10, effort: 0 })`.
 */
export function deepAvif(): Buffer {
  return readFileSync(path.join(import.meta.dirname, 'deep.avif'))
}

/** Returns the scans of a JPEG, each from its marker to the marker after its data. */
function scansOf(jpeg: Buffer): Buffer[] {
  const scans: Buffer[] = []
  for (let at = 2; jpeg[at + 1] !== 0xd9; ) {
    const next = at + 2 + jpeg.readUInt16BE(at + 2)
    if (jpeg[at + 1] !== 0xda) {
      at = next
      continue
    }
    let end = jpeg.indexOf(0xff, next)
    while (jpeg[end + 1] === 0 || ((jpeg[end + 1] ?? 0) & 0xf8) === 0xd0) end = jpeg.indexOf(0xff, end + 1)
    scans.push(jpeg.subarray(at, end))
    at = end
  }
  return scans
}

/**
 * Creates a progressive JPEG that repeats one scan of a few bytes. Every scan is valid and sets some coefficients again. A decoder reads
 * the whole image for each scan.
 */
export async function jpegOfScans(width: number, scans: number): Promise<Buffer> {
  const jpeg = await flat(width).jpeg({ progressive: true }).toBuffer()
  const [, second] = scansOf(jpeg)
  if (!second) throw new Error('A progressive JPEG has more than one scan.')
  const again = Buffer.from(second)
  // The scan has all bits of its coefficients, so that no scan refines them.
  again[4 + 2 * (again[4] ?? 1) + 3] = 0
  const body = jpeg.subarray(0, -2)
  return Buffer.concat([body, ...Array<Buffer>(scans).fill(again), jpeg.subarray(-2)])
}
