import type { MIMEType } from 'node:util'
import { createDecoder, decodeText } from './decode-text.ts'
import { isOpaque, parseMediaType } from './media-type.ts'
import type { Transform, TransformUpload } from './transform.ts'

/**
 * Text in upper case, as UTF-8.
 *
 * Upper-casing piece by piece gives what upper-casing the whole would, as long as no piece ends inside a code point: of
 * Unicode's case mappings that look at their surroundings, all are for lower-casing (the final sigma) or for a language
 * (Lithuanian, Turkish), and `toUpperCase` knows no language. A test tries every code point.
 */
export const upperCase: Transform = {
  name: 'upper-case',
  version: '1',

  accepts: upload => isText(upload, parseMediaType(upload.contentType)),

  apply(input, { upload }) {
    const type = parseMediaType(upload.contentType)
    const charset = type?.params.get('charset') ?? 'utf-8'
    // ASCII is UTF-8 already; the label itself would mean windows-1252, which has something for every byte.
    const decoder = createDecoder(/^(us-)?ascii$/i.test(charset) ? 'utf-8' : charset)
    return { contentType: outputType(type), body: upperCased(decodeText(input, decoder)) }
  },
}

/** What says that it is text, and what says nothing but is named like one. */
function isText({ filename }: TransformUpload, type: MIMEType | undefined): boolean {
  return isOpaque(type) ? /\.txt$/i.test(filename) : type?.type === 'text'
}

function outputType(type: MIMEType | undefined): string {
  if (type === undefined || isOpaque(type)) return 'text/plain;charset=utf-8'
  type.params.set('charset', 'utf-8')
  return type.toString()
}

async function* upperCased(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield Buffer.from(text.toUpperCase())
}
