import { crc32 } from 'node:zlib'
import sharp from 'sharp'

/** Creates a picture whose colors change from left to right and from top to bottom. */
export function shaded(width: number, height: number) {
  const pixels = Buffer.alloc(width * height * 3)
  for (let at = 0; at < width * height; at++) {
    pixels[3 * at] = ((at % width) * 255) / width
    pixels[3 * at + 1] = (Math.floor(at / width) * 255) / height
    pixels[3 * at + 2] = 90
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

/** Inserts bytes at a position of other bytes. */
export function inserted(bytes: Buffer, at: number, put: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at)])
}

/** Creates a JPEG whose first scan header does not match its coefficients. */
export function withScanHeader(jpeg: Buffer, [start, end, approximation]: readonly [number, number, number]): Buffer {
  const bytes = Buffer.from(jpeg)
  const at =
    bytes.indexOf(Buffer.from([0xff, 0xda])) + 5 + 2 * (bytes[bytes.indexOf(Buffer.from([0xff, 0xda])) + 4] ?? 0)
  bytes.set([start, end, approximation], at)
  return bytes
}

/** Creates a chunk of a PNG. */
export function pngChunk(type: string, data: Uint8Array, isBroken = false): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  checksum.writeUInt32BE(isBroken ? 1 : crc32(body))
  return Buffer.concat([length, body, checksum])
}

/** Offset of the first chunk after the header of a PNG. */
export const AFTER_IHDR = 33

/** Creates an XMP packet with the orientation of an image. */
export const xmpOf = (orientation: number, asElement = false): string => {
  const property = asElement
    ? `><tiff:Orientation>${orientation}</tiff:Orientation></rdf:Description>`
    : ` tiff:Orientation="${orientation}"/>`
  return `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"${property}</rdf:RDF></x:xmpmeta>`
}
