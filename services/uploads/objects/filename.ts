import { InvalidFilenameError } from '../errors.ts'

/** The longest file name that is taken, in bytes of UTF-8. */
export const MAX_FILENAME_BYTES = 1024

// Control characters (C0, DEL, C1) break logs and headers; bidirectional controls and line separators make a name show as
// another than it is; what is a noncharacter XML cannot say, and S3 lists in XML.
const FORBIDDEN = /[\p{Cc}\p{Noncharacter_Code_Point}\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/u

/**
 * Checks a client's file name. A name is data, never a path: what could be read as one is refused, not mended. Dots inside of a
 * name are part of it: only `.` and `..` alone, or between separators, lead to another directory.
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
  if (leadsUpwards(name))
    throw new InvalidFilenameError('The file name is "." or "..", or has one of them as a directory.')
  const forbidden = FORBIDDEN.exec(name)
  if (forbidden) throw new InvalidFilenameError(describeForbidden(forbidden))
  if (name.trim() === '') throw new InvalidFilenameError('The file name is blanks only.')
  return name
}

/**
 * Returns the name of a file whose client may have sent the path on its own disk: as old browsers do, and all of them for the files
 * of a chosen directory (RFC 7578, 4.2). A path that leads upwards or has no name at its end is returned as it is.
 */
export function baseNameOf(path: string): string {
  const base = path.split(/[/\\]/).at(-1) ?? ''
  return base === '' || leadsUpwards(path) ? path : base
}

/** Separators may be percent-encoded: a program that decodes the name again must not get a path to another directory. */
function leadsUpwards(name: string): boolean {
  return name.split(/[/\\]|%2f|%5c/i).some(component => component === '.' || component === '..')
}

function describeForbidden({ 0: character, index }: RegExpExecArray): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  return `The file name contains U+${code} at position ${index + 1}, which is a control, line separator or bidirectional character, or a noncharacter.`
}

/** The name of an upload whose client gave none. */
export function defaultFilename(epochMs: number): string {
  return `file-${epochMs}.txt`
}
