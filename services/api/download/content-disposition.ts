/** No common file system takes a longer name, in bytes of UTF-8. And the URL that carries it must not grow without end. */
const MOST_BYTES = 255

/** How much of that the extension may take. What is longer is no extension. */
const MOST_EXTENSION_BYTES = 32

/**
 * `Content-Disposition` (RFC 6266) of a file that is to be saved and never shown: whatever is in the name, it stays inside of its
 * quotes. The name is given twice, in ASCII for old clients and as it is (RFC 8187) for all others.
 */
export function attachment(filename: string): string {
  const name = shortened(filename.toWellFormed())
  return `attachment; filename="${asciiOf(name)}"; filename*=UTF-8''${extValue(name)}`
}

/** Without what would end the quotes, begin an escape, name a path, or is read as percent-encoded by some. */
function asciiOf(name: string): string {
  return name.replace(/[^\x20-\x7e]|["\\/%]/gu, '_')
}

/** `value-chars` of RFC 8187, section 3.2.1: encodeURIComponent leaves some that are not among them. */
function extValue(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Cut between characters, its extension kept: that is what a file is opened by. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= MOST_BYTES) return name
  const dot = name.lastIndexOf('.')
  const found = dot > 0 ? name.slice(dot) : ''
  const extension = Buffer.byteLength(found) <= MOST_EXTENSION_BYTES ? found : ''
  let room = MOST_BYTES - Buffer.byteLength(extension)
  let kept = ''
  for (const character of name) {
    room -= Buffer.byteLength(character)
    if (room < 0) break
    kept += character
  }
  return kept + extension
}
