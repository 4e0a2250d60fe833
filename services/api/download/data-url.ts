import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib'
import type { Result } from '../../uploads/objects/result-store.ts'
import { ContentWithheldError } from './errors.ts'

/** Maximum size of a decoded output in a `data:` URL, in bytes. A few compressed bytes can be a gigabyte. */
const MAX_DECODED_BYTES = 1024 ** 2

const decoders = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
} as const

/** A type with simple parameters. A `data:` URL can have no comma, no quote and no space in its type. */
const SIMPLE_TYPE = /^[\w.+-]+\/[\w.+-]+(?:;[\w-]+=[\w.+-]+)*$/

/**
 * Returns a small output as a `data:` URL with its decoded bytes, because such a URL has no content encoding.
 *
 * @param contentType the type with which the output is served
 * @throws ContentWithheldError if the bytes can't be decoded, or would be too large
 */
export async function dataUrl(result: Result, contentType: string): Promise<{ url: string; size: number }> {
  const bytes = await decode(result)
  const type = contentType.replaceAll(/\s/g, '')
  const [essence] = type.split(';', 1)
  return {
    url: `data:${SIMPLE_TYPE.test(type) ? type : essence};base64,${bytes.toString('base64')}`,
    size: bytes.length,
  }
}

async function decode({ body, contentEncoding }: Result): Promise<Buffer> {
  const bytes = Buffer.from(body)
  if (contentEncoding === undefined || contentEncoding.toLowerCase() === 'identity') return bytes
  const name = contentEncoding.toLowerCase()
  try {
    if (!Object.hasOwn(decoders, name)) throw new Error(`unknown content encoding ${name}`)
    return await decoders[name as keyof typeof decoders](bytes, { maxOutputLength: MAX_DECODED_BYTES })
  } catch (cause) {
    throw new ContentWithheldError(
      `The output has the content encoding ${contentEncoding} and cannot be sent as a URL. Request it without "Accept: application/json".`,
      { cause },
    )
  }
}
