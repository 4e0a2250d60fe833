import type { FormatEnum, Metadata, Sharp, SharpOptions } from 'sharp'
import { TransformError } from '../../../errors.ts'
import { type BmpHeader, decodeBitmap, isBmp, type RgbaPixels, readBmpHeader } from './bmp.ts'
import { decodeIcon, isIcon, largestPicture } from './icon.ts'
import { readJpeg } from './jpeg.ts'

/** An image whose header has been read. */
export interface OpenImage {
  bytes: Buffer
  metadata: ImageMetadata
  /** Decodes what sharp cannot: a BMP, or a bitmap of an icon. */
  decodePixels?: () => RgbaPixels
  /** What is wrong with the image, once a part of it could not be read. */
  fault?: string
}

/** What the header of an image states. BMP files and icons have fewer facts than sharp finds in others. */
export type ImageMetadata = Omit<Metadata, 'format'> & { format: Metadata['format'] | 'bmp' | 'ico' }

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
  if (isBmp(content)) {
    const header = readBmpHeader(content)
    return openBitmap(content, 'bmp', header, () => decodeBitmap(content, header))
  }
  if (isIcon(content)) {
    const picture = largestPicture(content)
    if ('png' in picture) return openWithSharp(picture.png)
    return openBitmap(content, 'ico', picture.header, () => decodeIcon(content, picture.header))
  }
  return openWithSharp(content)
}

function openBitmap(
  bytes: Buffer,
  format: 'bmp' | 'ico',
  { width, height, bitsPerPixel, compression, masks }: BmpHeader,
  decodePixels: () => RgbaPixels,
): OpenImage {
  const hasAlpha = format === 'ico' || compression !== 'none' || masks[3] !== 0
  const pixels = { space: 'srgb', channels: hasAlpha ? 4 : 3, depth: 'uchar', hasAlpha } as const
  const file = { isPalette: bitsPerPixel <= 8, hasProfile: false, isProgressive: false, autoOrient: { width, height } }
  // Decoded once, for thumbnails of every size.
  let decoded: RgbaPixels | undefined
  const decodeOnce = () => {
    decoded ??= decodePixels()
    return decoded
  }
  return { bytes, metadata: { format, width, height, ...pixels, ...file }, decodePixels: decodeOnce }
}

async function openWithSharp(content: Buffer): Promise<OpenImage> {
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
  if (image.decodePixels) {
    const { data, width, height, fault } = image.decodePixels()
    if (fault !== undefined) image.fault = fault
    const made = await make(sharp(data, { raw: { width, height, channels: 4 } }))
    // A compressed picture may end before it draws anything, by a mark that is no fault.
    if (image.metadata.format === 'bmp' && isTransparent(data)) throw nothingSeen(fault ?? 'no pixel is drawn')
    if (fault !== undefined && (await isBlank(image, made))) throw nothingSeen(fault)
    return made
  }
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
    throw nothingSeen(image.fault)
  }
  return partial.value
}

function isTransparent(data: Uint8Array): boolean {
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 0) return false
  return true
}

function nothingSeen(fault = 'it is damaged'): TransformError {
  return new TransformError(`The image cannot be read: ${fault}. Nothing of it can be seen.`)
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
    const stated = said.replace(/^Input buffer has corrupt header: ?/, '').replace(/\.$/, '')
    return { said: stated || 'a corrupt header', cause }
  }
}

async function unreadable(bytes: Buffer, { said, cause }: Failed): Promise<TransformError> {
  const { fileTypeFromBuffer } = await import('file-type')
  const type = await fileTypeFromBuffer(bytes)
  if (!/unsupported image format|buffer is empty/i.test(said)) {
    const decoder = type === undefined ? 'the decoder' : `the decoder of ${type.mime}`
    const advice = 'The file is damaged, incomplete, or uses a feature that is not supported.'
    return new TransformError(`The image cannot be read: ${decoder} reports "${said}". ${advice}`, { cause })
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

let loaded: Promise<typeof import('sharp').default> | undefined

/** Loads sharp with the first image. A process works on one image at a time, so sharp needs one thread and no cache. */
function loadSharp(): Promise<typeof import('sharp').default> {
  loaded ??= import('sharp').then(({ default: sharp }) => {
    sharp.cache(false)
    sharp.concurrency(1)
    return sharp
  })
  return loaded
}

/** Names the supported formats: those that this build of sharp decodes, and those that `bmp.ts` and `icon.ts` decode. */
function nameOfFormats(formats: FormatEnum): string {
  const names = Object.values(formats)
    // A format without a suffix is raw pixels.
    .filter(({ input }) => input.buffer && input.fileSuffix !== undefined)
    .map(({ id, input }) => (id === 'heif' ? (input.fileSuffix ?? []).map(withoutDot).join(', ') : id).toUpperCase())
  names.push('BMP', 'ICO')
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

const withoutDot = (suffix: string) => suffix.slice(1)
