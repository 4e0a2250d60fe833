/** How the data of a record is shown. */
export type Format = 'auto' | 'text' | 'hex'

export function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), character => character.charCodeAt(0))
}

export function base64Of(data: Uint8Array): string {
  let text = ''
  // The arguments of a call are limited.
  for (let start = 0; start < data.length; start += 8_192) {
    text += String.fromCharCode(...data.subarray(start, start + 8_192))
  }
  return btoa(text)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Returns the data as text. Returns undefined for bytes that are not UTF-8. A cut may have divided the last character. */
export function textOf(data: Uint8Array, isCut: boolean): string | undefined {
  for (let missing = 0; missing <= (isCut ? 3 : 0); missing++) {
    try {
      return utf8.decode(data.subarray(0, data.length - missing))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
  }
  return undefined
}

/** Returns a line about the data for a list. */
export function previewOf(data: Uint8Array, isCut: boolean): string {
  const text = textOf(data.subarray(0, 400), isCut || data.length > 400)
  if (text !== undefined && !hasControls(text)) return text.replaceAll(/\s+/g, ' ')
  return Array.from(data.subarray(0, 48), hexByte).join(' ')
}

function hasControls(text: string): boolean {
  return [...text].some(character => {
    const code = character.charCodeAt(0)
    return code < 32 && code !== 9 && code !== 10 && code !== 13
  })
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

/** Returns lines in the format of `hexdump -C`: an offset, 16 bytes, and the same bytes as ASCII. */
export function hexDump(data: Uint8Array): string {
  const lines: string[] = []
  for (let start = 0; start < data.length; start += 16) {
    const line = data.subarray(start, start + 16)
    const pairs = Array.from(line, hexByte)
    const columns = `${pairs.slice(0, 8).join(' ').padEnd(23)}  ${pairs.slice(8).join(' ').padEnd(23)}`
    const ascii = Array.from(line, byte => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${start.toString(16).padStart(8, '0')}  ${columns}  ${ascii}`)
  }
  return lines.join('\n')
}

export interface JsonToken {
  kind: 'key' | 'string' | 'literal' | 'mark'
  text: string
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/**
 * Returns the parts of a JSON text, with line breaks and indentation. All values keep their notation, so that an id such as
 * 12345678901234567890 is not rounded. Returns undefined for text that is not a JSON object or array.
 */
export function jsonTokens(text: string): JsonToken[] | undefined {
  if (!/^\s*[[{]/.test(text) || !isJson(text)) return undefined
  const tokens: JsonToken[] = []
  let depth = 0
  const newLine = () => `\n${'  '.repeat(depth)}`
  const found = text.match(TOKEN) ?? []
  for (const [index, token] of found.entries()) {
    const next = found[index + 1]
    if (token === '{' || token === '[') {
      depth++
      const isEmpty = next === '}' || next === ']'
      tokens.push({ kind: 'mark', text: isEmpty ? token : token + newLine() })
    } else if (token === '}' || token === ']') {
      depth--
      const before = found[index - 1]
      tokens.push({ kind: 'mark', text: before === '{' || before === '[' ? token : newLine() + token })
    } else if (token === ',') tokens.push({ kind: 'mark', text: `,${newLine()}` })
    else if (token === ':') tokens.push({ kind: 'mark', text: ': ' })
    else if (token.startsWith('"')) tokens.push({ kind: next === ':' ? 'key' : 'string', text: token })
    else tokens.push({ kind: 'literal', text: token })
  }
  return tokens
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    // Other text is shown as it is.
    return false
  }
}
