import type { MIMEType } from 'node:util'
import { canonicalType, isOpaque } from '../../../uploads/media-types/type-names.ts'
import { parseMediaType } from '../media-type.ts'
import type { Transform } from '../transform.ts'
import { decoderOf, decodeText } from './decode-text.ts'

/**
 * Converts text to upper case, as UTF-8 without a byte-order mark.
 *
 * Converting piece by piece gives the same result as converting the whole text, if no piece ends inside a code point. Unicode's
 * context-dependent case mappings are for lower case (the final sigma) or for single languages (Lithuanian, Turkish), which `toUpperCase`
 * ignores. A test checks this for every code point.
 */
export const upperCase: Transform = {
  name: 'upper-case',
  version: '2',

  apply(input, { upload }) {
    const type = parseMediaType(upload.contentType)
    // Must come first: `outputType` changes the charset of `type`.
    const decoder = decoderOf(type)
    return { contentType: outputType(type, upload.mediaType), body: upperCased(decodeText(input, decoder)) }
  },
}

/** Returns the type of the output, with the charset UTF-8: the declared type with its parameters if it is the type of the file, else the type of the file. */
function outputType(type: MIMEType | undefined, mediaType: string): string {
  if (isOpaque(mediaType)) return 'text/plain;charset=utf-8'
  if (type === undefined || canonicalType(type.essence) !== mediaType) return `${mediaType};charset=utf-8`
  type.params.set('charset', 'utf-8')
  return type.toString()
}

async function* upperCased(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield Buffer.from(text.toUpperCase())
}
