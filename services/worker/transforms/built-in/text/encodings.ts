import { TextDecoder as NodeTextDecoder } from 'node:util'
import { loadEncodings } from './charset.ts'

/** The common interface of Node's decoder and the library's decoders. */
export interface StreamDecoder {
  decode(bytes?: Uint8Array, options?: { stream?: boolean }): string
}

/** An encoding for `createPieceDecoder`. */
export interface Encoding {
  /** The encoding's name in the WHATWG Encoding Standard. */
  readonly name: string
  /** Creates a decoder that throws a `TypeError` for invalid bytes, and keeps U+FEFF. */
  create(): StreamDecoder
  /** Returns true if a decoded text has no forbidden character. @param bytes the bytes that `text` was decoded from */
  isText(text: string, bytes: Uint8Array): boolean
  /** Returns the index of the first forbidden character, or -1. A forbidden character shows that the text has another encoding. */
  findForbidden(text: string): number
}

const STRICT = { fatal: true, ignoreBOM: true }

/** Nearly all bytes are valid UTF-16. Noncharacters show that the bytes of each pair are swapped. */
const FORBIDDEN_IN_UTF_16 = /[\0\ufdd0-\ufdef\ufffe\uffff]/

/**
 * Nearly all bytes are valid in legacy encodings. C1 controls, private-use characters (including planes 15 and 16) and noncharacters
 * show that the text was written in another encoding.
 */
const FORBIDDEN_IN_LEGACY = /[\0\x80-\x9f\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff\udb80-\udbff]/

/** The same without U+F8FF, because Mac OS Roman has Apple's logo there. */
const FORBIDDEN_IN_MACINTOSH = /[\0\x80-\x9f\ue000-\uf8fe\ufdd0-\ufdef\ufffe\uffff\udb80-\udbff]/

const utf8: Encoding = {
  name: 'utf-8',
  // Node's decoder is faster, equally strict, and needs no tables.
  create: () => new NodeTextDecoder('utf-8', STRICT),
  // In UTF-8, NUL is the byte 0. Searching the bytes is 30 times faster than searching a string that is not Latin-1.
  isText: (_, { buffer, byteOffset, byteLength }) => !Buffer.from(buffer, byteOffset, byteLength).includes(0),
  findForbidden: text => text.indexOf('\0'),
}

/** @param name a name that `encodingOf` returned */
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
