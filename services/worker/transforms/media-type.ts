import { MIMEType } from 'node:util'

/**
 * The longest content type that is read, in characters. The api accepts fewer; other producers of objects may write more. Node's
 * parser takes time by the square of a run of blanks: over a second for 32,768 of them.
 */
const MAX_LENGTH = 512

/** Reads a content type. Undefined where it is none, or is too long. */
export function parseMediaType(contentType: string): MIMEType | undefined {
  if (contentType.length > MAX_LENGTH) return undefined
  try {
    return new MIMEType(contentType)
  } catch {
    return undefined // A client wrote something else there: then the type is as good as not given.
  }
}
