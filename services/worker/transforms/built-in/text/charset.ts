import type { MIMEType } from 'node:util'
import { TransformError } from '../../../errors.ts'

export interface Charset {
  /** The `charset` parameter of the content type. Empty if there is none. */
  readonly label: string
}

type Tables = typeof import('@exodus/bytes/encoding.js')

let loaded: Promise<Tables> | undefined

/** Loads the decoders and labels of https://encoding.spec.whatwg.org with the first text that is not UTF-8. */
export function loadEncodings(): Promise<Tables> {
  loaded ??= import('@exodus/bytes/encoding.js')
  return loaded
}

/**
 * Labels that are read as UTF-8. Programs label UTF-8 as `us-ascii`, which is a subset of UTF-8. The Encoding Standard maps the ASCII
 * labels to windows-1252 instead, which would decode UTF-8 into wrong characters.
 */
const UTF_8 = new Set(['', 'utf-8', 'utf8', 'us-ascii', 'ascii', 'ansi_x3.4-1968', 'iso646-us'])

/** Labels of Windows, Java, Python and databases that the Encoding Standard lacks, for encodings that it has. */
const ALIASES: Readonly<Record<string, string>> = {
  'utf-8-sig': 'utf-8',
  utf8mb4: 'utf-8',
  cp65001: 'utf-8',
  'latin-1': 'windows-1252',
  cp874: 'windows-874',
  'x-windows-874': 'windows-874',
  cp932: 'shift_jis',
  'windows-932': 'shift_jis',
  cp936: 'gbk',
  ms936: 'gbk',
  'windows-936': 'gbk',
  'euc-cn': 'gbk',
  cp949: 'euc-kr',
  ms949: 'euc-kr',
  uhc: 'euc-kr',
  'x-windows-949': 'euc-kr',
  cp950: 'big5',
  ms950: 'big5',
  'windows-950': 'big5',
  'x-windows-950': 'big5',
  big5hkscs: 'big5',
  cp54936: 'gb18030',
  cp20866: 'koi8-r',
  cp21866: 'koi8-u',
  cp50220: 'iso-2022-jp',
  cp50221: 'iso-2022-jp',
  cp51932: 'euc-jp',
  cp51949: 'euc-kr',
  'mac-roman': 'macintosh',
  macroman: 'macintosh',
  'mac-cyrillic': 'x-mac-cyrillic',
  maccyrillic: 'x-mac-cyrillic',
  eucjp: 'euc-jp',
  euckr: 'euc-kr',
  shiftjis: 'shift_jis',
}

/** Returns the charset of a content type. Some programs enclose it in single quotes. */
export function charsetOf(type: MIMEType | undefined): Charset {
  const value = type?.params.get('charset') ?? ''
  return { label: value.trim().replace(/^'(.*)'$/, '$1') }
}

/**
 * Resolves to the WHATWG name of the encoding that a label stands for.
 *
 * @throws TransformError if the label is unknown, or if its encoding is not safe to decode
 */
export async function encodingOf({ label }: Charset): Promise<string> {
  const name = label.toLowerCase()
  if (UTF_8.has(name)) return 'utf-8'
  const { normalizeEncoding } = await loadEncodings()
  const encoding = normalizeEncoding(label) ?? aliasOf(name) ?? normalizeEncoding(name.replaceAll('_', '-'))
  if (encoding === null) {
    throw new TransformError(
      `The charset "${label}" of the content type is unknown. Send the text in UTF-8, or in a charset that browsers know.`,
    )
  }
  if (encoding === 'replacement') {
    throw new TransformError(
      `The charset "${label}" of the content type is not supported, because browsers reject it as unsafe. Send the text in UTF-8.`,
    )
  }
  return encoding
}

function aliasOf(name: string): string | undefined {
  const dashed = name.replaceAll('_', '-')
  return Object.hasOwn(ALIASES, dashed) ? ALIASES[dashed] : undefined
}
