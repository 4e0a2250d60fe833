/** Code points, each of up to two UTF-16 units: with its extension the name is within what an output's may have. */
const MAX_CHARACTERS = 100

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const NOT_IN_NAMES = /[\x00-\x1f\x7f/\\]/g

/** What an output is to be saved as: the upload's name, whoever chose it, in a form that a name can have, and an extension. */
export function savedAs(filename: string, extension: string): string {
  const characters = [...filename.toWellFormed().replace(NOT_IN_NAMES, '_')].slice(-MAX_CHARACTERS)
  return characters.join('') + extension
}
