/** Properties of a JPEG that determine the cost of decoding it. */
export interface JpegFacts {
  /** Number of passes over the image. Baseline images have one, or one for each channel. Progressive images usually have ten. */
  scans: number
  /** True if decoding holds all coefficients in memory, as for progressive images and images of several scans. */
  holdsCoefficients: boolean
  /** Number of coefficients for each pixel, over all channels: 3 without subsampling, 1.5 for 4:2:0. */
  coefficientsPerPixel: number
  /** Number of bytes after the header of the first scan. */
  scanBytes: number
}

const SOS = 0xda
const EOI = 0xd9
/** Markers without a length: TEM, the restart markers, SOI and EOI. */
const isBare = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd9)
/** Markers SOF0 to SOF15, without DHT, JPG and DAC, whose codes are between them. */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)

/** Reads the segments of a JPEG up to the first invalid one. Takes time in proportion to the number of bytes. */
export function readJpeg(bytes: Buffer): JpegFacts {
  const facts: JpegFacts = { scans: 0, holdsCoefficients: false, coefficientsPerPixel: 3, scanBytes: 0 }
  let channels = 0
  for (let at = nextMarker(bytes, 0); at >= 0; at = nextMarker(bytes, at)) {
    const marker = bytes[at + 1] ?? EOI
    if (marker === EOI) break
    at += 2
    if (isBare(marker)) continue
    if (at + 2 > bytes.byteLength) break
    const length = bytes.readUInt16BE(at)
    const segment = bytes.subarray(at + 2, at + length)
    if (isFrame(marker)) {
      channels = segment[5] ?? 0
      facts.coefficientsPerPixel = coefficientsOf(segment.subarray(6, 6 + 3 * channels))
      if (marker !== 0xc0 && marker !== 0xc1) facts.holdsCoefficients = true
    } else if (marker === SOS) {
      facts.scans++
      if (facts.scans === 1) facts.scanBytes = Math.max(0, bytes.byteLength - at - length)
      if ((segment[0] ?? 0) < channels) facts.holdsCoefficients = true
    }
    at += Math.max(2, length)
  }
  return facts
}

/** Returns the position of the next marker, or -1. Inside a scan, the byte 0xFF is followed by 0x00. Before a marker, 0xFF may be repeated. */
function nextMarker(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1]
    if (next !== 0x00 && next !== 0xff) return at
  }
  return -1
}

function coefficientsOf(components: Buffer): number {
  const factors: number[] = []
  for (let at = 1; at < components.byteLength; at += 3) {
    const sampling = components[at] ?? 0x11
    factors.push((sampling >> 4) * (sampling & 0x0f))
  }
  const largest = Math.max(1, ...factors)
  return factors.reduce((sum, factor) => sum + factor / largest, 0)
}
