import type { SentFile } from '../../chaos/plan/uploads.ts'
import { type Kind, REFUSED_BY_TRANSFORM } from './kind.ts'

const text = (filename: string, bytes: Buffer | string, contentType = 'text/plain'): SentFile => ({
  filename,
  contentType,
  bytes: Buffer.from(bytes),
})

/** Names that have broken other programs, each valid here. From the Big List of Naughty Strings, and from file systems. */
const VALID_NAMES = [
  'undefined',
  'null',
  'NaN',
  '__proto__',
  'constructor',
  '-rf',
  '--help',
  'CON',
  'aux.txt',
  'a b.txt',
  ' leading and trailing ',
  '.hidden',
  'trailing.',
  '%2e%2e%2f',
  '%00',
  '%s%s%n',
  '$(touch x)',
  '`id`',
  "'; DROP TABLE uploads; --",
  '<script>alert(1)<script>',
  '{{7*7}}',
  'a&b=c#d?e',
  'ÅÄÖ.txt',
  'A\u030a.txt',
  '田中さん.txt',
  '👩‍👩‍👧‍👦.txt',
  'ʼN.txt',
  'ﷺ'.repeat(100),
  `${'n'.repeat(840)}.txt`, // What is left of S3's 1,024 bytes for a key of the default template is 859.
]

const INVALID_NAMES = [
  '..',
  'a/b',
  '../../etc/passwd',
  'a\\b',
  'nul\0.txt',
  'line\nend',
  '\u202efdp.exe',
  '  ',
  'x'.repeat(1_025),
]

const pick = (names: readonly string[], label: string) =>
  names[Number(label.split('-').at(-1)) % names.length] ?? 'name'

export const texts: readonly Kind[] = [
  {
    name: 'small text',
    weight: 200,
    ends: ['processed'],
    make: label => text(`${label}.txt`, `hello ${label}\n`),
    output: ({ bytes }) => Buffer.from(bytes.toString().toUpperCase()),
  },
  {
    name: 'charset=binary',
    weight: 80,
    ends: [REFUSED_BY_TRANSFORM],
    make: label => text(`${label}.txt`, 'hi', 'text/plain; charset=binary'),
  },
  {
    name: 'unknown charset',
    weight: 40,
    ends: [REFUSED_BY_TRANSFORM],
    make: label => text(`${label}.txt`, `hello ${label}`, 'text/plain; charset=klingon'),
  },
  {
    name: 'invalid UTF-8',
    weight: 40,
    ends: [REFUSED_BY_TRANSFORM],
    make: label => text(`${label}.txt`, Buffer.concat([Buffer.from(label), Buffer.from([0xc3, 0x28, 0xff])])),
  },
  {
    name: 'NULs as text',
    weight: 20,
    ends: ['processed', REFUSED_BY_TRANSFORM],
    make: (label, random) => text(`${label}.txt`, Buffer.alloc(random.integer(1, 200_000))),
  },
  {
    name: 'empty text',
    weight: 20,
    ends: ['processed'],
    make: label => text(`${label}.txt`, ''),
    output: () => Buffer.alloc(0),
  },
  {
    name: 'names that break other programs',
    weight: 60,
    ends: ['processed'],
    make: label => text(pick(VALID_NAMES, label), `hello ${label}`),
    output: ({ bytes }) => Buffer.from(bytes.toString().toUpperCase()),
  },
  {
    name: 'invalid names',
    weight: 20,
    ends: ['refused'],
    make: label => text(pick(INVALID_NAMES, label), label),
  },
  {
    name: 'deep JSON',
    weight: 20,
    ends: ['processed'],
    make: label => text(`${label}.json`, '[{"a":'.repeat(100_000), 'application/json'),
  },
]
