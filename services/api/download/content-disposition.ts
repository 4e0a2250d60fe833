/**
 * Maximum length of a name, in bytes of UTF-8. No common file system allows a longer one, and the URL that has the name must
 * stay short.
 */
const MAX_BYTES = 255

/** Maximum length of an extension, in bytes. A longer one is not an extension. */
const MAX_EXTENSION_BYTES = 32

/**
 * Returns the `Content-Disposition` (RFC 6266) of a file that browsers save and never show. The name can't break out of its quotes. The
 * header has the name twice: in ASCII for old clients, and unchanged (RFC 8187) for all others.
 */
export function attachment(filename: string): string {
  const name = shorten(filename.toWellFormed())
  return `attachment; filename="${asciiOf(name)}"; filename*=UTF-8''${extValue(name)}`
}

/** Replaces characters that would end the quotes, start an escape, be a path separator, or be read as percent-encoding. */
function asciiOf(name: string): string {
  return name.replace(/[^\x20-\x7e]|["\\/%]/gu, '_')
}

/** Returns `value-chars` of RFC 8187, section 3.2.1. encodeURIComponent keeps some characters that are not allowed there. */
function extValue(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Shortens a name between two characters and keeps its extension, by which systems choose the program. */
function shorten(name: string): string {
  if (Buffer.byteLength(name) <= MAX_BYTES) return name
  const dot = name.lastIndexOf('.')
  const found = dot > 0 ? name.slice(dot) : ''
  const extension = Buffer.byteLength(found) <= MAX_EXTENSION_BYTES ? found : ''
  let room = MAX_BYTES - Buffer.byteLength(extension)
  let kept = ''
  for (const character of name) {
    room -= Buffer.byteLength(character)
    if (room < 0) break
    kept += character
  }
  return kept + extension
}
