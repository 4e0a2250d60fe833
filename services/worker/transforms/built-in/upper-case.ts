import type { MIMEType } from 'node:util'
import { canonicalType, isOpaque } from '../../../uploads/media-types/type-names.ts'
import { parseMediaType } from '../media-type.ts'
import type { Transform } from '../transform.ts'
import { decoderOf, decodeText } from './decode-text.ts'

/**
 * Text in upper case, as UTF-8 without a byte-order mark.
 *
 * Upper-casing piece by piece gives what upper-casing the whole would, as long as no piece ends inside a code point: of
 * Unicode's case mappings that look at their surroundings, all are for lower-casing (the final sigma) or for a language
 * (Lithuanian, Turkish), and `toUpperCase` knows no language. A test tries every code point.
 */
export const upperCase: Transform = {
  name: 'upper-case',
  version: '2',

  apply(input, { upload }) {
    const type = parseMediaType(upload.contentType)
    // Before the type is changed into that of the output.
    const decoder = decoderOf(type)
    return { contentType: outputType(type, upload.mediaType), body: upperCased(decodeText(input, decoder)) }
  },
}

/** The declared type with another charset; where it is not what the file is, the type of the file. */
function outputType(type: MIMEType | undefined, mediaType: string): string {
  if (isOpaque(mediaType)) return 'text/plain;charset=utf-8'
  if (type === undefined || canonicalType(type.essence) !== mediaType) return `${mediaType};charset=utf-8`
  type.params.set('charset', 'utf-8')
  return type.toString()
}

async function* upperCased(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield Buffer.from(text.toUpperCase())
}
