import { InvalidContentTypeError } from './errors.ts'

/** The longest content type that is kept, in characters. */
export const MAX_CONTENT_TYPE_LENGTH = 255

/** media-type of RFC 9110, section 8.3.1. */
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const QUOTED = '"(?:[\\t \\x21\\x23-\\x5B\\x5D-\\x7E]|\\\\[\\t \\x21-\\x7E])*"'
// Written so that a text can be read in one way only: a second way to place the blanks would make a hostile one take for ever.
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:[ \\t]*;(?:[ \\t]*${TOKEN}=(?:${TOKEN}|${QUOTED}))?)*[ \\t]*$`)

/**
 * Checks a client's content type. It is given back to whoever reads the object, so that only what the grammar allows is kept.
 *
 * @returns the content type, unchanged; `application/octet-stream` for an empty one
 * @throws InvalidContentTypeError
 */
export function checkContentType(contentType: string): string {
  // Sent empty it is as good as left out.
  if (contentType.trim() === '') return 'application/octet-stream'
  if (contentType.length > MAX_CONTENT_TYPE_LENGTH) {
    throw new InvalidContentTypeError(`The content type is longer than ${MAX_CONTENT_TYPE_LENGTH} characters.`)
  }
  if (!MEDIA_TYPE.test(contentType)) {
    throw new InvalidContentTypeError(
      `The content type ${JSON.stringify(contentType.slice(0, 60))} is not a media type such as "image/jpeg". Leave it out if you do not know it.`,
    )
  }
  return contentType
}
