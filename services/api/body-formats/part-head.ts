import { essenceOf } from '../../uploads/media-types/media-type.ts'
import { baseNameOf } from '../../uploads/objects/filename.ts'
import { ProblemError } from '../problems/problem.ts'
import { type Backslash, type ParametrizedValue, parseParameters } from './header-parameters.ts'
import { malformed } from './malformed.ts'

/** The parsed headers of a part. */
export interface PartHead {
  readonly isFile: boolean
  /** The name of the field. Undefined if a file has none. */
  readonly name: string | undefined
  /** The name of the file, without directories. Empty for a file input of a web page without a file. */
  readonly filename: string | undefined
  /** The content type with its parameters. Undefined if the part has none. */
  readonly contentType: string | undefined
}

/** `token` of RFC 9110. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Headers that a part may have only once, because the second one would be ignored. */
const SINGLE = ['content-disposition', 'content-type', 'content-transfer-encoding', 'content-encoding']

/** Values of Content-Transfer-Encoding that leave the bytes unchanged (RFC 2045, 6). */
const UNENCODED = new Set(['', '7bit', '8bit', 'binary', 'identity'])

/** Content types that make a part without a filename a field, not a file. */
const FIELD_TYPE = /^(?:text\/(?:plain|html|xml)|application\/(?:json|xml|x-www-form-urlencoded)|.+\+(?:json|xml))$/

/**
 * Parses the headers of a part (RFC 7578, 4), with the variations that clients use.
 *
 * @param head the header lines, without the empty line after them
 * @param part the number of the part, for messages
 * @throws ProblemError if a header is malformed, or if the part is encoded
 */
export function parsePartHead(head: Buffer, part: number): PartHead {
  const headers = parseHeaders(head.toString('latin1'), part)
  for (const name of SINGLE) {
    if ((headers.get(name)?.length ?? 0) > 1) throw malformed(`Part ${part} has the header ${name} twice.`)
  }
  const one = (name: string) => headers.get(name)?.[0]
  checkUnencoded('Content-Transfer-Encoding', one('content-transfer-encoding'), part)
  checkUnencoded('Content-Encoding', one('content-encoding'), part)

  const { name, filename } = parseDisposition(one('content-disposition'), part)
  const contentType = one('content-type') || undefined
  const essence = contentType === undefined ? undefined : essenceOf(contentType)
  const isFile = filename !== undefined || (essence !== undefined && !FIELD_TYPE.test(essence))
  if (filename === undefined && essence?.startsWith('multipart/')) {
    throw malformed(`Part ${part} contains other parts (${essence}). Send every file as a part of the form.`)
  }
  if (!isFile && name === undefined) {
    throw malformed(`Part ${part} has neither a name nor a filename in its Content-Disposition.`)
  }
  return { isFile, name, filename, contentType }
}

/** Returns the values by name in lower case. A folded line (RFC 5322, 2.2.3) continues the previous line. */
function parseHeaders(text: string, part: number): Map<string, string[]> {
  const headers = new Map<string, string[]>()
  const lines: string[] = []
  for (const line of text === '' ? [] : text.split('\r\n')) {
    if (/[\r\n]/.test(line)) throw malformed(`A header of part ${part} contains a line break: ${shown(line)}.`)
    const isFolded = /^[ \t]/.test(line)
    if (isFolded && lines.length === 0) throw malformed(`The headers of part ${part} start with a blank.`)
    if (isFolded) lines.push(`${lines.pop()} ${line.trim()}`)
    else lines.push(line)
  }
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon)).trimEnd()
    if (!FIELD_NAME.test(name)) throw malformed(`A header of part ${part} has an invalid name: ${shown(line)}.`)
    const key = name.toLowerCase()
    const values = headers.get(key) ?? []
    values.push(line.slice(colon + 1).trim())
    headers.set(key, values)
  }
  return headers
}

function checkUnencoded(header: string, value: string | undefined, part: number): void {
  if (value === undefined || UNENCODED.has(value.toLowerCase())) return
  throw malformed(`Part ${part} has the ${header} ${shown(value)}. Send its bytes unencoded, without this header.`)
}

function parseDisposition(text: string | undefined, part: number): Pick<PartHead, 'name' | 'filename'> {
  if (text === undefined) throw malformed(`Part ${part} has no Content-Disposition header.`)
  const [type] = text.split(';', 1)
  if (type?.trim().toLowerCase() !== 'form-data') {
    throw malformed(`The Content-Disposition of part ${part} is ${shown(type ?? '')}. It must be form-data.`)
  }
  // If a value is read by the wrong rule, text remains after its closing quote. Then the other rule is tried.
  const backslashes: Backslash[] = ['escape', 'literal']
  const parsed = backslashes.map(backslash => parseParameters(text, backslash)).find(found => found !== undefined)
  if (!parsed) throw malformed(`The Content-Disposition of part ${part} is malformed: ${shown(text)}.`)
  const name = nameOf(parsed, 'name', part)
  const filename = nameOf(parsed, 'filename', part)
  return {
    name: name === undefined ? undefined : (utf8(name.bytes) ?? name.bytes.toString()),
    filename: filename === undefined ? undefined : baseNameOf(filenameOf(filename, part)),
  }
}

/** The bytes of a name and their charset. */
interface Name {
  bytes: Buffer
  charset: string
}

function filenameOf({ bytes, charset }: Name, part: number): string {
  if (charset === 'iso-8859-1') return bytes.toString('latin1')
  const name = utf8(bytes)
  if (name !== undefined) return name
  throw new ProblemError('invalid-filename', `The filename of part ${part} is not UTF-8. Send the form in UTF-8.`)
}

/** Returns undefined if the bytes are not UTF-8. A byte order mark is kept as a character of the name. */
function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Returns the value of a name. A parameter with `*` (RFC 8187) takes precedence. Forms must not have one, but some clients send it. */
function nameOf({ parameters }: ParametrizedValue, name: string, part: number): Name | undefined {
  const values = (key: string) => parameters.filter(([found]) => found === key)
  if (parameters.some(([found]) => found.startsWith(`${name}*`) && found !== `${name}*`)) {
    throw malformed(
      `The Content-Disposition of part ${part} has its ${name} in several pieces ("${name}*0"). Send it in one piece.`,
    )
  }
  const [extended, plain] = [values(`${name}*`), values(name)].map(found => {
    if (new Set(found.map(([, value]) => value)).size > 1) {
      throw malformed(`The Content-Disposition of part ${part} has two different values for ${name}.`)
    }
    return found[0]
  })
  if (extended) return decodeExtended(extended[1], name, part)
  if (!plain) return undefined
  const [, value, isQuoted] = plain
  // These are the escapes of HTML's multipart/form-data encoding. Any other percent sign is a part of the name.
  const text = isQuoted
    ? value.replace(/%(22|0D|0A)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : value
  return { bytes: Buffer.from(text, 'latin1'), charset: 'utf-8' }
}

/** `ext-value` of RFC 8187, section 3.2.1. */
function decodeExtended(value: string, name: string, part: number): Name {
  const [, charset = '', encoded = ''] = /^([\w.-]+)'[\w-]*'((?:%[0-9A-F]{2}|[^%\s'"])*)$/i.exec(value) ?? []
  const known = charset.toLowerCase()
  if (known !== 'utf-8' && known !== 'iso-8859-1') {
    throw malformed(`The ${name}* of part ${part} is not utf-8''… with percent-encoded bytes: ${shown(value)}.`)
  }
  const text = encoded.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return { bytes: Buffer.from(text, 'latin1'), charset: known }
}

/** Returns a client's text for a message, shortened and without control characters. */
function shown(text: string): string {
  const visible = text.replace(/[^\x20-\x7e]/g, '?')
  return JSON.stringify(visible.length > 80 ? `${visible.slice(0, 80)}…` : visible)
}
