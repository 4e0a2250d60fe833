import { TextDecoder as NodeTextDecoder } from 'node:util'
import { loadEncodings } from './charset.ts'

/** What the decoders of Node and of the library have in common. */
export interface StreamDecoder {
  decode(bytes?: Uint8Array, options?: { stream?: boolean }): string
}

/** An encoding as `createPieceDecoder` uses it. */
export interface Encoding {
  /** WHATWG's name. */
  readonly name: string
  /** Creates a decoder that throws a `TypeError` for bytes that the encoding does not have, and keeps U+FEFF. */
  create(): StreamDecoder
  /** Whether the text that was decoded with these bytes has only characters that a text in this encoding has. */
  isText(text: string, bytes: Uint8Array): boolean
  /** Index of the first character that a text in this encoding does not have, or -1. */
  findForbidden(text: string): number
}

const STRICT = { fatal: true, ignoreBOM: true }

/** Any bytes with a wrong meaning can be UTF-16: noncharacters show that the bytes of each pair are swapped. */
const FORBIDDEN_IN_UTF_16 = /[\0\ufdd0-\ufdef\ufffe\uffff]/

/**
 * Legacy tables have a place for nearly every byte. C1 controls, private-use characters (with planes 15 and 16) and
 * noncharacters come of bytes that had another meaning where they were written.
 */
const FORBIDDEN_IN_LEGACY = /[\0\x80-\x9f\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff\udb80-\udbff]/

/** Apple's own table has its logo there. */
const FORBIDDEN_IN_MACINTOSH = /[\0\x80-\x9f\ue000-\uf8fe\ufdd0-\ufdef\ufffe\uffff\udb80-\udbff]/

const utf8: Encoding = {
  name: 'utf-8',
  // Node's own is faster, and as strict. It needs no tables.
  create: () => new NodeTextDecoder('utf-8', STRICT),
  // In UTF-8 a NUL is the byte 0. V8 searches a string with other than Latin-1 characters 30 times slower for it.
  isText: (_, { buffer, byteOffset, byteLength }) => !Buffer.from(buffer, byteOffset, byteLength).includes(0),
  findForbidden: text => text.indexOf('\0'),
}

/** @param name as `encodingOf` gives it */
export async function loadEncoding(name: string): Promise<Encoding> {
  if (name === 'utf-8') return utf8
  const { TextDecoder } = await loadEncodings()
  const forbidden = forbiddenIn(name)
  return {
    name,
    create: () => new TextDecoder(name, STRICT),
    isText: text => !forbidden.test(text),
    findForbidden: text => text.search(forbidden),
  }
}

function forbiddenIn(name: string): RegExp {
  if (name.startsWith('utf-16')) return FORBIDDEN_IN_UTF_16
  return name === 'macintosh' ? FORBIDDEN_IN_MACINTOSH : FORBIDDEN_IN_LEGACY
}
