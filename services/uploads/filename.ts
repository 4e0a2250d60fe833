import { InvalidFilenameError } from './errors.ts'

/** The longest file name that is taken, in bytes of UTF-8. */
export const MAX_FILENAME_BYTES = 1024

// Control characters (C0, DEL, C1) break logs and headers; bidirectional controls and line separators make a name show as
// another than it is; what is a noncharacter XML cannot say, and S3 lists in XML.
const FORBIDDEN = /[\p{Cc}\p{Noncharacter_Code_Point}\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/u

/**
 * Checks a client's file name. A name is data, never a path: what could be read as one is refused, not mended.
 *
 * @returns the name, unchanged
 * @throws InvalidFilenameError
 */
export function checkFilename(name: string): string {
  if (name === '') throw new InvalidFilenameError('The file name is empty.')
  if (Buffer.byteLength(name) > MAX_FILENAME_BYTES) {
    throw new InvalidFilenameError(`The file name is longer than ${MAX_FILENAME_BYTES} bytes.`)
  }
  if (!name.isWellFormed()) throw new InvalidFilenameError('The file name is not well-formed Unicode.')
  if (/[/\\]/.test(name)) throw new InvalidFilenameError('The file name contains a path separator ("/" or "\\").')
  if (name === '.' || name.includes('..')) throw new InvalidFilenameError('The file name contains "..", or is ".".')
  if (FORBIDDEN.test(name)) {
    throw new InvalidFilenameError(
      'The file name contains a control, line separator or bidirectional character, or a noncharacter.',
    )
  }
  if (name.trim() === '') throw new InvalidFilenameError('The file name is blanks only.')
  return name
}

/** The name of an upload whose client gave none. */
export function defaultFilename(epochMs: number): string {
  return `file-${epochMs}.txt`
}
