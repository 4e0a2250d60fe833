import sharp from 'sharp'

/** A picture of one colour: few bytes, and whatever its pixels take to decode. */
export function flat(width: number, height = width, channels: 3 | 4 = 3) {
  const background = channels === 4 ? { r: 51, g: 102, b: 153, alpha: 0.5 } : '#336699'
  return sharp({ create: { width, height, channels, background } })
}

export function deepAvif(width: number): Promise<Buffer> {
  return flat(width).avif({ bitdepth: 10, effort: 0 }).toBuffer()
}

/** The parts of a JPEG that are scans: from its marker to the next one behind its data. */
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
 * A progressive JPEG that has one scan again and again, a few bytes each. Every one is valid: it says anew what some coefficients
 * are. A decoder passes over the whole image for each.
 */
export async function jpegOfScans(width: number, scans: number): Promise<Buffer> {
  const jpeg = await flat(width).jpeg({ progressive: true }).toBuffer()
  const [, second] = scansOf(jpeg)
  if (!second) throw new Error('A progressive JPEG has more than one scan.')
  const again = Buffer.from(second)
  // All bits of its coefficients at once, and not to be refined.
  again[4 + 2 * (again[4] ?? 1) + 3] = 0
  const body = jpeg.subarray(0, -2)
  return Buffer.concat([body, ...Array<Buffer>(scans).fill(again), jpeg.subarray(-2)])
}
