import t from 'tap'
import { InvalidFilenameError } from '../../services/uploads/errors.ts'
import {
  baseNameOf,
  checkFilename,
  defaultFilename,
  MAX_FILENAME_BYTES,
} from '../../services/uploads/objects/filename.ts'

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index))

/** Returns a name in ASCII, because control characters would break the lines of the test report. */
function show(name: string): string {
  return JSON.stringify(name.slice(0, 40)).replace(
    /[^ -~]/g,
    it => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const PATH = /path separator/
const DOTS = /is "\." or "\.\.", or has one of them as a directory/
const CONTROL = /control, line separator or bidirectional/

const refused: Array<[why: RegExp, names: string[]]> = [
  [/empty/, ['']],
  [/blanks only/, [' ', '   ', '\u00a0', '\u3000 \u2003', '\ufeff']],
  [DOTS, ['.', '..', '..%2Fa', '..%2f..%2fa.txt', 'a%5C..', 'a%2F.%2fb']],
  [PATH, ['/', '\\', 'a/b', '/etc/passwd', '../../etc/passwd', 'a\\b', 'C:\\a.txt', '\\\\host\\share', 'a/', '//']],
  [CONTROL, range(0x00, 0x1f).flatMap(it => [it, `${it}a`, `a${it}.txt`])],
  [CONTROL, range(0x7f, 0x9f).flatMap(it => [it, `${it}a`, `a${it}.txt`])],
  [CONTROL, [...range(0x202a, 0x202e), ...range(0x2066, 0x2069)].flatMap(it => [it, `a${it}txt.exe`])],
  [CONTROL, ['\u061c', '\u200e', '\u200f', '\u2028', '\u2029'].flatMap(it => [it, `a${it}b`])],
  [/noncharacter/, ['\ufffe', '\uffff', '\ufdd0', '\u{1ffff}'].flatMap(it => [it, `a${it}b`])],
  [/not well-formed/, ['\ud800', 'a\udc00b', '\ude00\ud83d', 'a\udbff', '\ud83d\ud83d\ude00']],
  [/longer than 1024 bytes/, ['x'.repeat(1_025), 'ä'.repeat(513), '€'.repeat(342), '😀'.repeat(257), 'x'.repeat(1e6)]],
]

const taken = [
  'a',
  'a b.txt',
  ' leading and trailing ',
  '.hidden',
  'trailing.',
  '...',
  '..a',
  'a..',
  'a..b.txt',
  '4.09.02 p.m..png',
  'a%2Fb.txt',
  'a.b.c.tar.gz',
  '. .',
  '%2e%2e%2f',
  '%00',
  'a:b|c*d?e"f<g>h',
  "it's $& $1 $` $$ {owner} $ {x}",
  'CON',
  'é',
  'e\u0301',
  '日本語.txt',
  'العربية.pdf',
  'עברית',
  '👩‍👩‍👧‍👦.png',
  '\u00ad',
  '\u200b',
  '\u2024\u2024',
  '\u2215\u29f5\uff0f',
  '\ufffd',
  '__proto__',
  'x'.repeat(1_024),
  'ä'.repeat(512),
  '😀'.repeat(256),
]

t.test(
  'a name that could be a path, break a line or be displayed as another name is rejected with the reason',
  async t => {
    t.equal(MAX_FILENAME_BYTES, 1_024)
    for (const [why, names] of refused) {
      for (const name of names) {
        const expected = { name: 'InvalidFilenameError', code: 'HEADGATE_INVALID_FILENAME', message: why }
        t.throws(() => checkFilename(name), expected, show(name))
      }
    }
  },
)

t.test('an unusual but harmless name is accepted unchanged', async t => {
  for (const name of taken) t.equal(checkFilename(name), name, show(name))
})

t.test('the reason does not contain the name, because it goes into logs and responses', async t => {
  const name = 'secret\u0007'
  t.throws(() => checkFilename(name), InvalidFilenameError)
  try {
    checkFilename(name)
  } catch (error) {
    t.notMatch(String(error), 'secret')
  }
})

t.test('the default name is valid', async t => {
  t.equal(defaultFilename(1_700_000_000_000), 'file-1700000000000.txt')
  t.equal(checkFilename(defaultFilename(0)), 'file-0.txt')
})

const paths: Array<[path: string, name: string]> = [
  ['a.txt', 'a.txt'],
  ['a..b.txt', 'a..b.txt'],
  ['/etc/passwd', 'passwd'],
  ['photos/2026/a b.jpg', 'a b.jpg'],
  ['C:\\Users\\x\\a.txt', 'a.txt'],
  ['C:\\fakepath\\a.txt', 'a.txt'],
  ['\\\\server\\share\\a.txt', 'a.txt'],
  ['a/b\\c', 'c'],
  ['..', '..'],
  ['../a', '../a'],
  ['a/../b', 'a/../b'],
  ['a\\.\\b', 'a\\.\\b'],
  ['a/b/', 'a/b/'],
  ['', ''],
]

t.test('a path is reduced to its last segment, unless it has dot segments or ends with a separator', async t => {
  for (const [path, name] of paths) t.equal(baseNameOf(path), name, path)
})
