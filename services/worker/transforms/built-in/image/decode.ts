import type { FormatEnum, Metadata, Sharp, SharpOptions } from 'sharp'
import { TransformError } from '../../../errors.ts'
import { type BmpHeader, decodeBitmap, isBmp, type RgbaPixels, readBmpHeader } from './bmp.ts'
import { decodeIcon, isIcon, largestPicture } from './icon.ts'
import { readJpeg } from './jpeg.ts'

/** An image whose header has been read. */
export interface OpenImage {
  bytes: Buffer
  metadata: ImageMetadata
  /** Decodes the pixels of a BMP, or of a bitmap in an icon, which sharp cannot decode. */
  decodePixels?: () => RgbaPixels
  /** Describes the fault, after a part of the image could not be read. */
  fault?: string
}

/** The metadata in the header of an image. For BMP files and icons it has fewer properties than for formats that sharp reads. */
export type ImageMetadata = Omit<Metadata, 'format'> & { format: Metadata['format'] | 'bmp' | 'ico' }

type FailOn = NonNullable<SharpOptions['failOn']>

/** Accepts errors that lose no pixels, such as bytes between the segments of a JPEG, as browsers do. */
const USUAL: FailOn = 'error'
/** Also decodes images that end too early, as far as they go. */
const LENIENT: FailOn = 'none'

/**
 * Reads only the header of an image, so that the cost of decoding is known before decoding.
 *
 * @throws TransformError if the content is not an image, or not in a supported format
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
  // The pixels are decoded once for thumbnails of all sizes.
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
  const bytes = padWebp(content)
  const partial = await attempt(read(bytes, LENIENT))
  if ('value' in partial) return { bytes, metadata: partial.value, fault: found.message }
  throw await unreadable(content, found)
}

/**
 * Decodes an image and converts its pixels. For a damaged image, converts the part that can be read and sets `image.fault`.
 *
 * @throws TransformError if no part of the image can be read
 */
export async function decodeImage(
  image: OpenImage,
  maxPixels: number,
  convert: (pixels: Sharp) => Promise<Buffer>,
): Promise<Buffer> {
  const sharp = await loadSharp()
  if (image.decodePixels) {
    const { data, width, height, fault } = image.decodePixels()
    if (fault !== undefined) image.fault = fault
    const converted = await convert(sharp(data, { raw: { width, height, channels: 4 } }))
    // A compressed BMP may mark the end of the image before it draws any pixel. That is not a fault of the format.
    if (image.metadata.format === 'bmp' && isTransparent(data)) throw nothingSeen(fault ?? 'no pixel is drawn')
    if (fault !== undefined && (await isBlank(image, converted))) throw nothingSeen(fault)
    return converted
  }
  const pixelsOf = async (bytes: Buffer, failOn: FailOn) =>
    convert(sharp(bytes, { limitInputPixels: maxPixels, failOn }))
  const decode = (bytes: Buffer, failOn: FailOn) => attempt(pixelsOf(bytes, failOn))
  if (image.fault === undefined) {
    const whole = await decode(image.bytes, USUAL)
    if ('value' in whole) return whole.value
    image.fault = whole.message
    image.bytes = padWebp(image.bytes)
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
  return new TransformError(`The image cannot be read: ${fault}. No part of it is visible.`)
}

interface Failed {
  message: string
  cause: unknown
}

/** Returns the error of sharp instead of throwing it. sharp has all bytes of the image, so the error would be the same in a retry. */
async function attempt<T>(decoded: Promise<T>): Promise<{ value: T } | Failed> {
  try {
    return { value: await decoded }
  } catch (cause) {
    const [line = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)
    const message = line.replace(/^Input buffer has corrupt header: ?/, '').replace(/\.$/, '')
    return { message: message || 'a corrupt header', cause }
  }
}

async function unreadable(bytes: Buffer, { message, cause }: Failed): Promise<TransformError> {
  const { fileTypeFromBuffer } = await import('file-type')
  const type = await fileTypeFromBuffer(bytes)
  if (!/unsupported image format|buffer is empty/i.test(message)) {
    const decoder = type === undefined ? 'the decoder' : `the decoder of ${type.mime}`
    const advice = 'The file is damaged, incomplete, or uses a feature that is not supported.'
    return new TransformError(`The image cannot be read: ${decoder} reports "${message}". ${advice}`, { cause })
  }
  const formats = nameOfFormats((await loadSharp()).format)
  return new TransformError(`The content is ${type?.mime ?? 'not an image'}. Supported formats are ${formats}.`, {
    cause,
  })
}

/** Returns true if a picture shows only what decoders put in the place of missing pixels: transparent or black pixels. */
async function isBlank({ bytes, metadata }: OpenImage, picture: Buffer): Promise<boolean> {
  if (metadata.format === 'jpeg' && readJpeg(bytes).scanBytes === 0) return true
  const sharp = await loadSharp()
  const { channels } = await sharp(picture).stats()
  const isFlat = channels.every(({ min, max }) => min === max)
  const isClear = channels.length === 4 && channels[3]?.max === 0
  return isClear || (isFlat && channels.slice(0, 3).every(({ min }) => min === 0))
}

/**
 * Pads a truncated WebP with zeros to the length in its header, because a shorter file is not decoded at all. Returns other files
 * unchanged.
 */
function padWebp(bytes: Buffer): Buffer {
  if (bytes.length < 12 || bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WEBP')
    return bytes
  const missing = bytes.readUInt32LE(4) + 8 - bytes.length
  // A header may state any length. If more bytes are missing, hardly any of the image would be visible.
  return missing > 0 && missing <= bytes.length * MAX_MISSING ? Buffer.concat([bytes, Buffer.alloc(missing)]) : bytes
}

/** Maximum number of missing bytes, as a multiple of the existing bytes. */
const MAX_MISSING = 8

let loaded: Promise<typeof import('sharp').default> | undefined

/** Loads sharp with the first image. A process decodes one image at a time, so sharp needs one thread and no cache. */
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
    // The format without a suffix is raw pixels.
    .filter(({ input }) => input.buffer && input.fileSuffix !== undefined)
    .map(({ id, input }) => (id === 'heif' ? (input.fileSuffix ?? []).map(withoutDot).join(', ') : id).toUpperCase())
  names.push('BMP', 'ICO')
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

const withoutDot = (suffix: string) => suffix.slice(1)
