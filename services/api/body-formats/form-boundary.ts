import { malformed } from './malformed.ts'

/** Maximum length of a boundary, in characters. RFC 2046 allows 70. Some clients send longer ones. */
const MAX_LENGTH = 250

/**
 * Reads the boundary of a form from the `Content-Type` of its request. The value may be a token, a quoted string, or unquoted
 * text up to the next semicolon, as some clients send it.
 *
 * @throws ProblemError if there is no boundary, an invalid one, or two different ones
 */
export function boundaryOf(contentType: string): string {
  const found = [...contentType.matchAll(/;[ \t]*boundary[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"?|([^";]*))/gi)].map(
    ([, quoted, bare = '']) => (quoted === undefined ? bare.trimEnd() : quoted.replace(/\\(.)/g, '$1')),
  )
  const [boundary, ...others] = new Set(found)
  if (boundary === undefined || boundary === '') {
    throw malformed('The Content-Type has no boundary. Let the library that writes the form set the Content-Type.')
  }
  if (others.length > 0) throw malformed('The Content-Type has two different boundaries.')
  if (boundary.length > MAX_LENGTH) throw malformed(`The boundary is longer than ${MAX_LENGTH} characters.`)
  if (!/^[\x20-\x7e]+$/.test(boundary) || boundary.endsWith(' ')) {
    throw malformed('The boundary is invalid: it has a character other than visible ASCII, or it ends with a blank.')
  }
  return boundary
}
