import type { Metadata } from 'sharp'
import { type Static, Type } from 'typebox'
import { TransformError } from '../../../errors.ts'
import { createMemoryBudget } from '../../../memory-budget.ts'
import type { Transform, TransformOutput } from '../../transform.ts'
import { savedAs } from '../saved-as.ts'
import { readWhole, tooLarge } from './read-whole.ts'

export const imageOptions = Type.Object(
  {
    sizes: Type.Array(Type.Integer({ minimum: 1, maximum: 4_096 }), {
      minItems: 1,
      maxItems: 8,
      uniqueItems: true,
      default: [320],
      description: 'The longest side of each thumbnail, in pixels. The first is the main output.',
    }),
    format: Type.Enum(['webp', 'jpeg', 'png'], { default: 'webp', description: 'What the thumbnails are.' }),
    quality: Type.Integer({ minimum: 1, maximum: 100, default: 80, description: 'Of webp and jpeg.' }),
    maxBytes: Type.Integer({
      minimum: 1_024,
      maximum: 256 * 1024 ** 2,
      default: 32 * 1024 ** 2,
      description: 'The largest image, in bytes: it is in memory whole.',
    }),
    maxPixels: Type.Integer({
      minimum: 1,
      maximum: 268_402_689,
      default: 50_000_000,
      description: 'The most pixels of an image, width by height, whatever its bytes: each takes 4 bytes of memory.',
    }),
  },
  { additionalProperties: false },
)

type ImageOptions = Static<typeof imageOptions>

/** What is decoded: by the first bytes, whatever the content type says. SVG is not among them: it can name other files. */
const DECODED = new Set(['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/avif', 'image/tiff'])

const BYTES_A_PIXEL = 4

/** What all images of a process that are decoded at a time take. One that takes more goes alone. */
const decoding = createMemoryBudget(256 * 1024 ** 2)

/**
 * Thumbnails of an image, upright and without what the camera wrote into it, and a further output `metadata.json` with what the
 * image is. sharp works on threads of its own.
 */
export function createImageTransform(options: ImageOptions): Transform {
  const { maxBytes, maxPixels } = options
  return {
    name: 'image',
    version: '1',
    holds: ({ size }) => Math.min(size, maxBytes),
    async *apply(input, { upload, signal }) {
      if (upload.size > maxBytes) throw tooLarge(maxBytes)
      const bytes = await readWhole(input, maxBytes)
      // Loaded with the first image: most workers never see one.
      const { default: sharp } = await import('sharp')
      const { fileTypeFromBuffer } = await import('file-type')
      const type = await fileTypeFromBuffer(bytes)
      if (!type || !DECODED.has(type.mime)) {
        throw new TransformError(
          `The content is ${type?.mime ?? 'no image'}, and only JPEG, PNG, WebP, GIF, AVIF and TIFF are read.`,
        )
      }
      // The header alone is read here: what an image would take is known before it takes it.
      const metadata = await decode(sharp(bytes, { limitInputPixels: false }).metadata())
      const pixels = metadata.width * metadata.height
      if (pixels > maxPixels) {
        throw new TransformError(`The image has ${pixels} pixels, and no more than ${maxPixels} are taken.`)
      }
      const free = await decoding.take(pixels * BYTES_A_PIXEL, signal)
      try {
        for (const [index, size] of options.sizes.entries()) {
          signal.throwIfAborted()
          yield await thumbnail(bytes, size, { ...options, isMain: index === 0, filename: upload.filename })
        }
      } finally {
        free()
      }
      const body = [Buffer.from(`${JSON.stringify(described(metadata), undefined, 2)}\n`)]
      yield { name: 'metadata.json', contentType: 'application/json', body }
    },
  }
}

async function thumbnail(
  bytes: Buffer,
  size: number,
  { format, quality, maxPixels, isMain, filename }: ImageOptions & { isMain: boolean; filename: string },
): Promise<TransformOutput> {
  const { default: sharp } = await import('sharp')
  const made = await decode(
    sharp(bytes, { limitInputPixels: maxPixels })
      .autoOrient()
      .resize({ width: size, height: size, fit: 'inside', withoutEnlargement: true })
      .toFormat(format, format === 'png' ? {} : { quality })
      .toBuffer(),
  )
  const stem = filename.replace(/\.[^.]*$/, '')
  return {
    ...(isMain ? { filename: savedAs(stem, `.${format}`) } : { name: `thumbnail-${size}.${format}` }),
    contentType: `image/${format}`,
    body: [made],
  }
}

/** Whatever sharp says of bytes that it was given whole is about them, and will be the same the next time. */
async function decode<T>(decoded: Promise<T>): Promise<T> {
  try {
    return await decoded
  } catch (cause) {
    const said = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause)
    throw new TransformError(`The image cannot be read: ${said}`, { cause })
  }
}

/** What the image is, and nothing of what the camera knew: that may be where its owner lives. */
function described({ format, width, height, autoOrient, space, channels, depth, density, hasAlpha, pages }: Metadata) {
  const upright = { width: autoOrient.width, height: autoOrient.height }
  return { format, width, height, upright, space, channels, depth, density, hasAlpha, pages: pages ?? 1 }
}
