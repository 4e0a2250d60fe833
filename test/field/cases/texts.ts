import type { FieldCase } from '../field-case.ts'

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex')

/** @param charset empty for a content type without a charset */
const sent = (body: string | Uint8Array, charset = '') => ({
  filename: 'a.txt',
  contentType: charset === '' ? 'text/plain' : `text/plain; charset=${charset}`,
  body,
})

const MARKED = '\ufeffCafé'
const inUtf16 = Buffer.from(MARKED, 'utf16le')

/** Texts with a byte-order mark. It takes precedence over a charset and is not part of the text. */
const marked: readonly FieldCase[] = [
  {
    what: 'UTF-8 with a mark, without a charset',
    send: sent(MARKED),
    expected: { text: 'CAFÉ', upload: { contentType: 'text/plain' } },
  },
  { what: 'UTF-8 with a mark, called iso-8859-1', send: sent(MARKED, 'iso-8859-1'), expected: { text: 'CAFÉ' } },
  { what: 'UTF-8 with a mark, called windows-1251', send: sent(MARKED, 'windows-1251'), expected: { text: 'CAFÉ' } },
  { what: 'UTF-8 with a mark, called utf-16', send: sent(MARKED, 'utf-16'), expected: { text: 'CAFÉ' } },
  { what: 'UTF-8 with a mark, called shift_jis', send: sent(MARKED, 'shift_jis'), expected: { text: 'CAFÉ' } },
  { what: 'UTF-8 with a mark and an unknown charset', send: sent(MARKED, 'klingon'), expected: { text: 'CAFÉ' } },
  { what: 'UTF-16LE with a mark, as Notepad writes it', send: sent(inUtf16), expected: { text: 'CAFÉ' } },
  {
    what: 'UTF-16BE with a mark, without a charset',
    send: sent(Buffer.from(inUtf16).swap16()),
    expected: { text: 'CAFÉ' },
  },
  {
    what: 'UTF-16BE with a mark, called utf-16le',
    send: sent(Buffer.from(inUtf16).swap16(), 'utf-16le'),
    expected: { text: 'CAFÉ' },
  },
  { what: 'UTF-16LE with a mark, called utf-8', send: sent(inUtf16, 'utf-8'), expected: { text: 'CAFÉ' } },
  {
    what: 'UTF-16LE with a mark, called windows-1252',
    send: sent(inUtf16, 'windows-1252'),
    expected: { text: 'CAFÉ' },
  },
  {
    what: 'UTF-16LE with a mark, some bytes named like a text',
    send: { filename: 'a.txt', contentType: 'application/octet-stream', body: inUtf16 },
    expected: { transform: 'upper-case', text: 'CAFÉ' },
  },
  { what: 'a UTF-8 mark and nothing behind it', send: sent('\ufeff'), expected: { text: '' } },
  { what: 'a UTF-16 mark and nothing behind it', send: sent(bytes('fffe')), expected: { text: '' } },
  { what: 'U+FEFF in the middle of a text', send: sent('a\ufeffb'), expected: { text: 'A\ufeffB' } },
  {
    what: 'a UTF-8 mark in front of bytes that are not UTF-8',
    send: sent(bytes('efbbbf 41 e9 42')),
    expected: { failed: /not valid utf-8: the byte at offset 5 .*byte-order mark/ },
  },
  {
    what: 'UTF-32LE with a mark',
    send: sent(bytes('fffe0000 41000000')),
    expected: { failed: /mark of UTF-32\. Send the text in UTF-8/ },
  },
  { what: 'UTF-32BE with a mark', send: sent(bytes('0000feff 00000041')), expected: { failed: /mark of UTF-32/ } },
  { what: 'UTF-16LE that ends in half a unit', send: sent(bytes('fffe 4100 42')), expected: { failed: /offset 4/ } },
  {
    what: 'UTF-16LE with a lone surrogate',
    send: sent(bytes('fffe 4100 3dd8 4200')),
    expected: { failed: /not valid utf-16le: the byte at offset 7/ },
  },
]

/** Contents that are not text, or not in the declared encoding. */
const refused: readonly FieldCase[] = [
  {
    what: 'a text in windows-1252 without a charset',
    send: sent(Buffer.from('caf\xe9!', 'latin1')),
    expected: { failed: /not valid utf-8: the byte at offset 4 .*charset=windows-1252/ },
  },
  {
    what: 'a text that is cut in the middle of a character',
    send: sent(bytes('61 e6 97')),
    expected: { failed: /ends in the middle of the character that begins at byte offset 1/ },
  },
  { what: 'a text with a NUL', send: sent('ab\0c'), expected: { failed: /NUL character at byte offset 2/ } },
  {
    what: 'a latin1 text with a NUL',
    send: sent('ab\0c', 'latin1'),
    expected: { failed: /NUL character at byte offset 2/ },
  },
  {
    what: 'UTF-16LE without a mark and without a charset',
    send: sent(Buffer.from('hello', 'utf16le')),
    expected: { failed: /charset=utf-16le or charset=utf-16be/ },
  },
  {
    what: 'UTF-16BE without a mark, called utf-16',
    send: sent(Buffer.from('hello', 'utf16le').swap16(), 'utf-16'),
    expected: { failed: /bytes look like utf-16be/ },
  },
  {
    what: 'a text in ASCII called utf-16',
    send: sent('All of this is ASCII, and far from UTF-16, whatever it is called.\n', 'utf-16'),
    expected: { failed: /not valid utf-16le|bytes look like utf-8/ },
  },
  {
    what: 'C1 controls from windows-1252',
    send: sent(bytes('61 81 62'), 'windows-1252'),
    expected: { failed: /not text in windows-1252: byte offset 1 decodes to U\+0081, a control character/ },
  },
  {
    what: 'windows-1250 called iso-8859-2',
    send: sent(bytes('84 e8 61 93'), 'iso-8859-2'),
    expected: { failed: /byte offset 0 decodes to U\+0084/ },
  },
  {
    what: 'a user-defined character of Shift_JIS',
    send: sent(bytes('82a0 f040'), 'shift_jis'),
    expected: { failed: /U\+E000, a private-use character/ },
  },
  { what: 'a user-defined character of GBK', send: sent(bytes('aaa1'), 'gbk'), expected: { failed: /private-use/ } },
  { what: 'x-user-defined', send: sent(bytes('61 e9'), 'x-user-defined'), expected: { failed: /U\+F7E9/ } },
  {
    what: 'U+FFFF in gb18030',
    send: sent(bytes('8431a439'), 'gb18030'),
    expected: { failed: /a noncharacter/ },
  },
  { what: 'a byte that EUC-KR lacks', send: sent(bytes('b0a1 61 ff'), 'euc-kr'), expected: { failed: /offset 3/ } },
  {
    what: 'a byte that windows-874 lacks',
    send: sent(bytes('a1 fc'), 'windows-874'),
    expected: { failed: /offset 1/ },
  },
  {
    what: 'an escape sequence that ISO-2022-JP lacks',
    send: sent(bytes('1b2442 2422 1b2a41'), 'iso-2022-jp'),
    expected: { failed: /not valid iso-2022-jp: the byte at offset \d/ },
  },
  {
    what: 'ISO-2022-JP without a charset',
    send: sent(bytes('1b2442 2422 1b2842 0a')),
    expected: { failed: /charset=iso-2022-jp/ },
  },
  ...['hz-gb-2312', 'iso-2022-kr', 'iso-2022-cn', 'replacement'].map(charset => ({
    what: `a text called ${charset}`,
    send: sent('~{<:Ky~}', charset),
    expected: { failed: /charset ".+" of the content type is not supported/ },
  })),
  ...['utf-7', 'utf-32', 'ebcdic', 'ibm037', 'cp437', 'unknown-8bit', 'x-unknown', 'none'].map(charset => ({
    what: `a text called ${charset}`,
    send: sent('hi', charset),
    expected: { failed: /charset ".+" of the content type is unknown\. Send the text in UTF-8/ },
  })),
]

/** Unusual characters that are valid text. */
const odd: readonly FieldCase[] = [
  {
    what: 'colours of a terminal',
    send: sent('\x1b[31mred\x1b(B\x1b[m'),
    expected: { text: '\x1b[31MRED\x1b(B\x1b[M' },
  },
  { what: 'a form feed, a vertical tab and DEL', send: sent('a\fb\vc\x7f\x1a'), expected: { text: 'A\fB\vC\x7f\x1a' } },
  { what: 'an icon of a font in UTF-8', send: sent('a \uf8ff \ue0a0'), expected: { text: 'A \uf8ff \ue0a0' } },
  { what: 'a next-line character in UTF-8', send: sent('a\x85b'), expected: { text: 'A\x85B' } },
  { what: 'a replacement character in UTF-8', send: sent('a\ufffdb'), expected: { text: 'A\ufffdB' } },
  { what: 'the Apple of MacRoman', send: sent(bytes('61 f0'), 'macintosh'), expected: { text: 'A\uf8ff' } },
  { what: 'an empty charset', send: sent('é', '""'), expected: { text: 'É' } },
  { what: 'one Chinese character called utf-16le', send: sent(bytes('004e'), 'utf-16le'), expected: { text: '一' } },
  { what: 'a text called text/html', send: { ...sent('é'), contentType: 'text/html' }, expected: { text: 'É' } },
]

export const texts: readonly FieldCase[] = [...marked, ...refused, ...odd]
