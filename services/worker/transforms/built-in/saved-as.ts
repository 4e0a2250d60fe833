/** Maximum length of the name without the extension, in code points. With the extension it stays below the maximum of an output's file name. */
const MAX_CHARACTERS = 100

// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern searches for control characters
const NOT_IN_NAMES = /[\x00-\x1f\x7f/\\]/g

/** Returns the file name of an output: the upload's file name, shortened and without characters that are invalid in names, and an extension. */
export function savedAs(filename: string, extension: string): string {
  const characters = [...filename.toWellFormed().replace(NOT_IN_NAMES, '_')].slice(-MAX_CHARACTERS)
  return characters.join('') + extension
}
