import { type Static, Type } from 'typebox'
import { TransformError } from '../../../errors.ts'
import { memoryForContent } from '../../processes/memory.ts'
import type { Transform, TransformOutput } from '../../transform.ts'
import { savedAs } from '../saved-as.ts'
import { decodeImage, type ImageMetadata, type OpenImage, openImage } from './decode.ts'
import { decodingCost } from './decoding-cost.ts'
import { turnUpright, uprightSize } from './orientation.ts'

export const imageOptions = Type.Object(
  {
    sizes: Type.Array(Type.Integer({ minimum: 1, maximum: 4_096 }), {
      minItems: 1,
      maxItems: 8,
      uniqueItems: true,
      default: [320],
      description: 'Maximum width and height of each thumbnail, in pixels. The first thumbnail is the main output.',
    }),
    format: Type.Enum(['webp', 'jpeg', 'png'], { default: 'webp', description: 'Format of the thumbnails.' }),
    quality: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 80,
      description: 'Quality of webp and jpeg thumbnails.',
    }),
    maxBytes: Type.Integer({
      minimum: 1_024,
      maximum: 256 * 1024 ** 2,
      default: 32 * 1024 ** 2,
      description: 'Maximum size of an image, in bytes. The whole image is held in memory.',
    }),
    maxPixels: Type.Integer({
      minimum: 1,
      maximum: 268_402_689,
      default: 50_000_000,
      description:
        'Maximum number of pixels of an image (width × height). The memory for decoding, which depends on the format, has a separate limit.',
    }),
  },
  { additionalProperties: false },
)

type ImageOptions = Static<typeof imageOptions>

/** Image types that browsers do not show, such as the raw formats of camera vendors. They go to the next rule. */
const NO_WEB_IMAGE = /^image\/(?:vnd\.|x-(?!icon$))/

/** Maximum number of scans of a JPEG. Encoders write about ten. Each scan is a pass over all pixels, even if it has few bytes. */
const MAX_SCANS = 100

/**
 * Creates upright thumbnails of an image, without the metadata of the camera, and an output `metadata.json` that describes the
 * image.
 */
export function createImageTransform(options: ImageOptions): Transform {
  const { maxBytes, maxPixels } = options
  return {
    name: 'image',
    version: '2',
    accepts: ({ mediaType }) => !NO_WEB_IMAGE.test(mediaType),
    holds: ({ size }) => Math.min(size, maxBytes),
    async *apply(input, { upload, signal }) {
      if (upload.size > maxBytes) throw tooLarge(maxBytes)
      const bytes = await readWhole(input, maxBytes)
      const image = await openImage(bytes)
      const { metadata } = image
      const pixels = metadata.width * metadata.height
      if (pixels > maxPixels) {
        throw new TransformError(`The image has ${pixels} pixels, more than the maximum of ${maxPixels}.`)
      }
      checkCost(bytes, metadata, Math.max(...options.sizes))
      for (const [index, size] of options.sizes.entries()) {
        signal.throwIfAborted()
        yield await thumbnail(image, size, { ...options, isMain: index === 0, filename: upload.filename })
      }
      const body = [Buffer.from(`${JSON.stringify(described(image), undefined, 2)}\n`)]
      yield { name: 'metadata.json', contentType: 'application/json', body }
    },
  }
}

/** @throws TransformError if decoding takes more memory than the process has, or too many scans */
function checkCost(bytes: Buffer, metadata: ImageMetadata, longestSide: number): void {
  const cost = decodingCost(bytes, metadata, longestSide)
  if (cost.scans > MAX_SCANS) {
    throw new TransformError(`The image has ${cost.scans} scans, more than the maximum of ${MAX_SCANS}.`)
  }
  const available = memoryForContent() - bytes.byteLength
  if (cost.bytes <= available) return
  throw new TransformError(
    `Decoding the image takes about ${inMiB(cost.bytes)} MiB of memory, and ${inMiB(Math.max(0, available))} MiB are available: it has ${cost.facts}.`,
  )
}

function inMiB(bytes: number): number {
  return Math.round(bytes / 1024 ** 2)
}

async function thumbnail(
  image: OpenImage,
  size: number,
  { format, quality, maxPixels, isMain, filename }: ImageOptions & { isMain: boolean; filename: string },
): Promise<TransformOutput> {
  const content = await decodeImage(image, maxPixels, pixels =>
    turnUpright(pixels, image.metadata)
      .resize({ width: size, height: size, fit: 'inside', withoutEnlargement: true })
      .toFormat(format, format === 'png' ? {} : { quality })
      .toBuffer(),
  )
  const stem = filename.replace(/\.[^.]*$/, '')
  return {
    ...(isMain ? { filename: savedAs(stem, `.${format}`) } : { name: `thumbnail-${size}.${format}` }),
    contentType: `image/${format}`,
    ...(image.fault !== undefined && { note: damageNote(image.fault) }),
    body: [content],
  }
}

/** @param fault the message of libvips, of any length */
function damageNote(fault: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a note must not have control characters
  const stated = fault.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, 150)
  return `The image is damaged (${stated.toWellFormed()}). The thumbnail shows what can be read of it.`
}

/** Returns the content of `metadata.json`. It has no metadata of the camera, which may show where the owner lives. */
function described({ metadata, fault }: OpenImage) {
  const { format, width, height, space, channels, depth, density, hasAlpha, pages = 1 } = metadata
  const upright = uprightSize(metadata)
  const damage = fault === undefined ? { complete: true } : { complete: false, fault }
  return { format, width, height, upright, space, channels, depth, density, hasAlpha, pages, ...damage }
}

/**
 * Reads a whole input into memory.
 *
 * @throws TransformError if the input has more than `maxBytes`
 */
async function readWhole(input: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of input) {
    size += chunk.byteLength
    if (size > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function tooLarge(maxBytes: number): TransformError {
  return new TransformError(`The image has more than ${maxBytes} bytes, the maximum size of an image.`)
}
