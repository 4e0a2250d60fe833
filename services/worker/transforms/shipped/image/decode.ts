import type { Metadata, Sharp, SharpOptions } from 'sharp'
import { TransformError } from '../../../errors.ts'
import { nameOfFormats } from './formats.ts'
import { readJpeg } from './jpeg.ts'
import { loadSharp } from './load-sharp.ts'

/** An image whose header has been read. */
export interface OpenImage {
  bytes: Buffer
  metadata: Metadata
  /** What is wrong with the image, once a part of it could not be read. */
  fault?: string
}

type FailOn = NonNullable<SharpOptions['failOn']>

/** Browsers show images with mistakes that lose nothing, such as bytes between the segments of a JPEG. */
const USUAL: FailOn = 'error'
/** Reads what is there of an image that ends too early. */
const LENIENT: FailOn = 'none'

/**
 * Reads the header of an image, and nothing else: what decoding takes is known before it is taken.
 *
 * @throws TransformError for what is no image, or none that can be read here
 */
export async function openImage(content: Buffer): Promise<OpenImage> {
  const sharp = await loadSharp()
  const read = async (bytes: Buffer, failOn: FailOn) => sharp(bytes, { limitInputPixels: false, failOn }).metadata()
  const found = await attempt(read(content, USUAL))
  if ('value' in found) return { bytes: content, metadata: found.value }
  const bytes = filledUp(content)
  const partial = await attempt(read(bytes, LENIENT))
  if ('value' in partial) return { bytes, metadata: partial.value, fault: found.said }
  throw await unreadable(content, found)
}

/**
 * Makes something of the pixels of an image. Where the image is damaged, what can be read of it is used, and its fault is set.
 *
 * @throws TransformError where nothing can be read
 */
export async function decodeImage(
  image: OpenImage,
  maxPixels: number,
  make: (pixels: Sharp) => Promise<Buffer>,
): Promise<Buffer> {
  const sharp = await loadSharp()
  const pixelsOf = async (bytes: Buffer, failOn: FailOn) => make(sharp(bytes, { limitInputPixels: maxPixels, failOn }))
  const decode = (bytes: Buffer, failOn: FailOn) => attempt(pixelsOf(bytes, failOn))
  if (image.fault === undefined) {
    const whole = await decode(image.bytes, USUAL)
    if ('value' in whole) return whole.value
    image.fault = whole.said
    image.bytes = filledUp(image.bytes)
  }
  const partial = await decode(image.bytes, LENIENT)
  if (!('value' in partial)) throw await unreadable(image.bytes, partial)
  if (await isBlank(image, partial.value)) {
    throw new TransformError(`The image cannot be read: ${image.fault}. Nothing of it can be seen.`)
  }
  return partial.value
}

interface Failed {
  said: string
  cause: unknown
}

/** Whatever sharp says of bytes that it was given whole is about them, and will be the same the next time. */
async function attempt<T>(decoded: Promise<T>): Promise<{ value: T } | Failed> {
  try {
    return { value: await decoded }
  } catch (cause) {
    const [said = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)
    return { said: said.replace(/\.$/, ''), cause }
  }
}

async function unreadable(bytes: Buffer, { said, cause }: Failed): Promise<TransformError> {
  const { fileTypeFromBuffer } = await import('file-type')
  const type = await fileTypeFromBuffer(bytes)
  if (!/unsupported image format|buffer is empty/i.test(said)) {
    const what = type && !/^image\/(?:jpeg|png|webp|gif|tiff)$/.test(type.mime) ? ` (${type.mime})` : ''
    return new TransformError(`The image${what} cannot be read: ${said}`, { cause })
  }
  const formats = nameOfFormats((await loadSharp()).format)
  return new TransformError(`The content is ${type?.mime ?? 'no image'}, and only ${formats} are read.`, { cause })
}

/** Whether a picture has nothing but what a decoder puts in the place of pixels that are missing. */
async function isBlank({ bytes, metadata }: OpenImage, picture: Buffer): Promise<boolean> {
  if (metadata.format === 'jpeg' && readJpeg(bytes).scanBytes === 0) return true
  const sharp = await loadSharp()
  const { channels } = await sharp(picture).stats()
  const isFlat = channels.every(({ min, max }) => min === max)
  const isClear = channels.length === 4 && channels[3]?.max === 0
  return isClear || (isFlat && channels.slice(0, 3).every(({ min }) => min === 0))
}

/** A WebP file is decoded only if it has as many bytes as its header says. Zeros in the place of the missing ones show the rest. */
function filledUp(bytes: Buffer): Buffer {
  if (bytes.length < 12 || bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WEBP')
    return bytes
  const missing = bytes.readUInt32LE(4) + 8 - bytes.length
  // More than that nobody could see, and the header may say anything.
  return missing > 0 && missing <= bytes.length * MAX_MISSING ? Buffer.concat([bytes, Buffer.alloc(missing)]) : bytes
}

/** How many times the bytes that are there may be missing. */
const MAX_MISSING = 8
