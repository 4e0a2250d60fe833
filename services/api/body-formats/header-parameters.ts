/** A header value with parameters, such as `form-data; name="file"`. */
export interface ParametrizedValue {
  /** The text before the first semicolon, in lower case. */
  readonly value: string
  /** The parameters in order, with names in lower case. A name may occur twice. */
  readonly parameters: ReadonlyArray<readonly [name: string, value: string, isQuoted: boolean]>
}

/**
 * The meaning of `\` in a quoted value. Clients that follow RFC 9110 (Go, Java, older curl) escape `"` and `\` with it. Browsers write it
 * literally, and `"` as `%22`.
 */
export type Backslash = 'escape' | 'literal'

/** Parses a header value with parameters. Returns undefined if the text is malformed. */
export function parseParameters(text: string, backslash: Backslash): ParametrizedValue | undefined {
  const start = text.indexOf(';')
  if (start === -1) return { value: text.trim().toLowerCase(), parameters: [] }
  const parameters: [string, string, boolean][] = []
  let at = start + 1
  for (;;) {
    while (isBlank(text[at]) || text[at] === ';') at++
    if (at >= text.length) return { value: text.slice(0, start).trim().toLowerCase(), parameters }
    const equals = text.indexOf('=', at)
    const name = equals === -1 ? '' : text.slice(at, equals).trim().toLowerCase()
    if (!/^[^\s";]+$/.test(name)) return undefined
    at = equals + 1
    while (isBlank(text[at])) at++
    const isQuoted = text[at] === '"'
    const found = isQuoted ? quoted(text, at + 1, backslash) : bare(text, at)
    if (!found) return undefined
    parameters.push([name, found.value, isQuoted])
    at = found.end
    while (isBlank(text[at])) at++
    if (at < text.length && text[at] !== ';') return undefined
  }
}

const isBlank = (char: string | undefined) => char === ' ' || char === '\t'

interface Found {
  value: string
  end: number
}

/** Reads an unquoted value. Some clients omit quotes, so blanks and most other characters are allowed. */
function bare(text: string, start: number): Found | undefined {
  const semicolon = text.indexOf(';', start)
  const end = semicolon === -1 ? text.length : semicolon
  const value = text.slice(start, end).trim()
  return value.includes('"') ? undefined : { value, end }
}

function quoted(text: string, start: number, backslash: Backslash): Found | undefined {
  let value = ''
  let copied = start
  for (let at = start; at < text.length; at++) {
    if (text[at] === '"') return { value: value + text.slice(copied, at), end: at + 1 }
    const isEscape = backslash === 'escape' && text[at] === '\\' && (text[at + 1] === '"' || text[at + 1] === '\\')
    if (!isEscape) continue
    value += text.slice(copied, at)
    at++
    copied = at
  }
  return undefined
}
