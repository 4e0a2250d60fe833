import { isUtf8 } from 'node:buffer'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import type { Corpus, CorpusItem, Expected } from './corpus.ts'
import { readWithPython } from './python-reader.ts'

/**
 * Content types by extension, as browsers and operating systems use them. Other files are sent as
 * application/octet-stream.
 */
const TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
  '.tif': 'image/tiff',
  '.tiff': 'image/tiff',
  '.bmp': 'image/bmp',
}

const THUMBNAIL = 320
/** The maximum number of pixels that the pipeline decodes. */
const MAX_PIXELS = 50_000_000
/** The number of compared pixels along each side. */
const COMPARED = 16

const PILLOW = { registry: 'pypi', name: 'pillow', version: '13.0.0' } as const
/** Formats that the pipeline reads and sharp does not. */
const READ_BY_PILLOW = /\.(?:bmp|ico|cur)$/i

export const images: Corpus = {
  name: 'images',
  reader: 'sharp with failOn "none", and Pillow for BMP files and icons',
  packages: [PILLOW, { ...PILLOW, importable: true }],
  async load([pillow = '', importable = '']) {
    const folder = path.join(pillow, 'Tests/images')
    const items: CorpusItem[] = []
    const names = globSync('**/*.*', { cwd: folder }).sort()
    const bitmaps = names.filter(name => READ_BY_PILLOW.test(name))
    const questions = bitmaps.map(name => ({ read: 'image', path: path.join(folder, name) }) as const)
    const answers = await readWithPython(questions, importable)
    for (const name of names) {
      const body = readFileSync(path.join(folder, name))
      const contentType = TYPES[path.extname(name).toLowerCase()] ?? 'application/octet-stream'
      const filename = path.basename(name)
      const png = answers[bitmaps.indexOf(name)]?.png
      const expected = await thumbnailOf(png === undefined ? body : Buffer.from(png, 'base64'))
      items.push({ name, send: { filename, contentType, body }, expected })
    }
    return items
  },
}

async function thumbnailOf(body: Buffer): Promise<Expected> {
  const box = { width: THUMBNAIL, height: THUMBNAIL, fit: 'inside', withoutEnlargement: true } as const
  try {
    const image = sharp(body, { failOn: 'none', limitInputPixels: MAX_PIXELS })
    const { data, info } = await image.autoOrient().resize(box).png().toBuffer({ resolveWithObject: true })
    return { kind: 'image', width: info.width, height: info.height, pixels: await sampleOf(data) }
  } catch {
    // Not an image that libvips reads, or an image without visible content. Some formats are text, and there are notes
    // beside the images.
    const isText = isUtf8(body) && !body.includes(0)
    return { kind: 'unreadable', ...(isText && { text: body.toString().toUpperCase() }) }
  }
}

/**
 * Resolves to a few pixels of an image, without its transparency.
 *
 * @throws Error if it is not an image
 */
export function sampleOf(image: Buffer): Promise<Buffer> {
  return sharp(image)
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .resize(COMPARED, COMPARED, { fit: 'fill' })
    .raw()
    .toBuffer()
}
