import { MIMEType } from 'node:util'

/**
 * Maximum length of a content type, in characters. The api accepts less, but other producers may write more. The time of Node's parser is
 * quadratic in a run of blanks: over a second for 32,768 blanks.
 */
const MAX_LENGTH = 512

/** Parses a content type. Undefined if it is invalid or too long. */
export function parseMediaType(contentType: string): MIMEType | undefined {
  if (contentType.length > MAX_LENGTH) return undefined
  try {
    return new MIMEType(contentType)
  } catch {
    return undefined // An invalid type counts as none.
  }
}
