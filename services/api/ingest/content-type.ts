import { InvalidContentTypeError } from './errors.ts'

/** Maximum length of a content type, in characters. */
export const MAX_CONTENT_TYPE_LENGTH = 255

/** media-type of RFC 9110, section 8.3.1. */
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const QUOTED = '"(?:[\\t \\x21\\x23-\\x5B\\x5D-\\x7E]|\\\\[\\t \\x21-\\x7E])*"'
// Every text matches in one way only. If the blanks could match in two ways, a hostile text would take exponential time.
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:[ \\t]*;(?:[ \\t]*${TOKEN}=(?:${TOKEN}|${QUOTED}))?)*[ \\t]*$`)

/**
 * Checks the content type of a file. Everybody who reads the object gets the content type back, so only a valid media type is kept.
 *
 * @returns the content type, unchanged, or `application/octet-stream` if it is empty
 * @throws InvalidContentTypeError
 */
export function checkContentType(contentType: string): string {
  // An empty content type means the same as none.
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
