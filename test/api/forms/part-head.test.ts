import t from 'tap'
import { boundaryOf } from '../../../services/api/body-formats/form-boundary.ts'
import { type PartHead, parsePartHead } from '../../../services/api/body-formats/part-head.ts'
import { ProblemError } from '../../../services/api/problems/problem.ts'

const parse = (...lines: string[]) => parsePartHead(Buffer.from(lines.join('\r\n')), 2)
const named = (parameters: string) => parse(`Content-Disposition: form-data; name="f"; ${parameters}`).filename

/** Returns the problem that a function throws. */
function problemOf(work: () => unknown): Pick<ProblemError, 'slug' | 'detail'> | undefined {
  try {
    work()
  } catch (error) {
    if (error instanceof ProblemError) return { slug: error.slug, detail: error.detail }
    throw error
  }
  return undefined
}

const names: Array<[who: string, parameters: string, filename: string]> = [
  ['a browser', 'filename="a b.txt"', 'a b.txt'],
  ['a browser, with quotes', 'filename="a %22b%22.txt"', 'a "b".txt'],
  ['a browser, with a percent sign', 'filename="100%.txt"', '100%.txt'],
  ['a browser, with something like an escape', 'filename="a%20b%2e%5B%0a.txt"', 'a%20b%2e%5B%0a.txt'],
  ['a browser, with a backslash at the end of the name of the field', 'x="a\\"; filename="b.txt"', 'b.txt'],
  ['a browser, with a semicolon', 'filename="a;b=c.txt"', 'a;b=c.txt'],
  ['a browser, with characters of many kinds', 'filename="Größe 写真 🎉.png"', 'Größe 写真 🎉.png'],
  ['a browser, with a byte-order mark', 'filename="\ufeffa.txt"', '\ufeffa.txt'],
  ['Go and older curl', 'filename="a \\"b\\".txt"', 'a "b".txt'],
  ['an old Internet Explorer', 'filename="C:\\Users\\x\\a.txt"', 'a.txt'],
  ['a browser, of a directory', 'filename="photos/2026/a.jpg"', 'a.jpg'],
  ['.NET', "filename=a.txt; filename*=utf-8''a.txt", 'a.txt'],
  [
    '.NET, in Japanese',
    'filename="=?utf-8?B?5YaZ55yfLnBuZw==?="; filename*=utf-8\'\'%E5%86%99%E7%9C%9F.png',
    '写真.png',
  ],
  ['an older Python', "filename*=utf-8''%E5%86%99%E7%9C%9F%20%281%29.png", '写真 (1).png'],
  ['a client that quotes what must not be', 'filename*="UTF-8\'en\'a%20b.txt"', 'a b.txt'],
  ['a client of ISO 8859-1', "filename*=ISO-8859-1''%E9t%E9.txt", 'été.txt'],
  ['a client without quotes', 'filename=my file (1).txt', 'my file (1).txt'],
  ['a client in a hurry', 'FileName = "a.txt" ;', 'a.txt'],
  ['a client that says it twice', 'filename="a.txt"; filename="a.txt"', 'a.txt'],
  ['a page without a file', 'filename=""', ''],
  ['a client without quotes and without a file', 'filename=', ''],
]

t.test('the name of a file is decoded in every notation of clients', async t => {
  for (const [who, parameters, filename] of names) t.equal(named(parameters), filename, who)
})

const heads: Array<[what: string, lines: string[], head: Partial<PartHead>]> = [
  ['a field', ['Content-Disposition: form-data; name="a"'], { isFile: false, name: 'a' }],
  [
    'a field with a type',
    ['Content-Disposition: form-data; name="a"', 'Content-Type: text/plain; charset=UTF-8'],
    { isFile: false },
  ],
  [
    'JSON beside the files',
    ['Content-Disposition: form-data; name="a"', 'Content-Type: application/json'],
    { isFile: false },
  ],
  [
    'bytes without a name',
    ['Content-Disposition: form-data; name="a"', 'Content-Type: application/octet-stream'],
    { isFile: true },
  ],
  [
    'a picture without a name',
    ['Content-Disposition: form-data; name="a"', 'Content-Type: image/png'],
    { isFile: true },
  ],
  [
    'a file without the name of a field',
    ['Content-Disposition: form-data; filename="a"'],
    { isFile: true, name: undefined },
  ],
  [
    'a type with parameters',
    ['Content-Disposition: form-data; filename="a"', 'Content-Type: text/csv;charset=windows-1252; header=present'],
    { contentType: 'text/csv;charset=windows-1252; header=present' },
  ],
  [
    'a type that is empty',
    ['Content-Disposition: form-data; filename="a"', 'Content-Type:'],
    { contentType: undefined },
  ],
  ['names in any case', ['CONTENT-DISPOSITION: FORM-DATA; NAME="a"; FILENAME="B"'], { name: 'a', filename: 'B' }],
  ['blanks before a colon', ['Content-Disposition \t: form-data; name="a"'], { name: 'a' }],
  ['no blank behind a colon', ['Content-Disposition:form-data;name="a";filename="b"'], { name: 'a', filename: 'b' }],
  [
    'a folded line',
    ['Content-Disposition: form-data;', '\tname="a";', '  filename="b c"'],
    { name: 'a', filename: 'b c' },
  ],
  [
    'a hundred other headers',
    ['Content-Disposition: form-data; name="a"', ...Array.from({ length: 100 }, (_, i) => `X-${i}: a`)],
    { name: 'a' },
  ],
  [
    'a transfer encoding that changes nothing',
    ['Content-Disposition: form-data; name="a"', 'Content-Transfer-Encoding: BINARY', 'Content-Encoding: Identity'],
    { name: 'a' },
  ],
  ['other headers twice', ['X-A: 1', 'x-a: 2', 'Content-Disposition: form-data; name="a"'], { name: 'a' }],
  ['a name of a prototype', ['Content-Disposition: form-data; name="__proto__"'], { name: '__proto__' }],
]

t.test('the headers of a part are parsed with the variations of clients', async t => {
  for (const [what, lines, head] of heads) t.match(parse(...lines), head, what)
})

const D = 'Content-Disposition: form-data; name="a"; filename="b"'

const refused: Array<[what: string, lines: string[], detail: RegExp]> = [
  ['no headers', [], /Part 2 has no Content-Disposition header/],
  ['no disposition', ['Content-Type: text/plain'], /Part 2 has no Content-Disposition header/],
  [
    'an attachment',
    ['Content-Disposition: attachment; filename="a"'],
    /of part 2 is "attachment"\. It must be form-data/,
  ],
  ['no name at all', ['Content-Disposition: form-data'], /neither a name nor a filename/],
  ['two dispositions', [D, D], /header content-disposition twice/],
  ['two types', [D, 'Content-Type: text/plain', 'content-type: text/csv'], /header content-type twice/],
  [
    'two file names',
    ['Content-Disposition: form-data; filename="a"; filename="b"'],
    /two different values for filename/,
  ],
  ['two names', ['Content-Disposition: form-data; name="a"; name="b"'], /two different values for name/],
  ['a name in pieces', ['Content-Disposition: form-data; filename*0="a"; filename*1="b"'], /in several pieces/],
  ['a quote that does not end', ['Content-Disposition: form-data; filename="a'], /is malformed: "form-data; filename=/],
  ['a quote inside', ['Content-Disposition: form-data; filename="a"b".txt"'], /is malformed/],
  ['text behind a quote', ['Content-Disposition: form-data; filename="a" b'], /is malformed/],
  ['a parameter without a value', ['Content-Disposition: form-data; filename=a;b.txt'], /is malformed/],
  [
    'an extended name of another charset',
    ["Content-Disposition: form-data; filename*=gbk''%C4"],
    /filename\* of part 2 is not utf-8/,
  ],
  ['an extended name without a charset', ['Content-Disposition: form-data; filename*=a.txt'], /filename\* of part 2/],
  [
    'an extended name with a broken escape',
    ["Content-Disposition: form-data; filename*=utf-8''a%2"],
    /filename\* of part 2/,
  ],
  ['a carriage return', [`X-A: a\rb`, D], /contains a line break: "X-A: a\?b"/],
  ['a line without a colon', [D, 'hello'], /an invalid name: "hello"/],
  ['a header without a name', [D, ': a'], /an invalid name/],
  ['a control in a name', ['X\0: a', D], /an invalid name/],
  ['a blank in a name', ['Content Disposition: form-data'], /an invalid name/],
  ['a first line that is folded', [` ${D}`], /start with a blank/],
  [
    'base64',
    [D, 'Content-Transfer-Encoding: base64'],
    /Part 2 has the Content-Transfer-Encoding "base64". Send its bytes unencoded/,
  ],
  ['quoted-printable', [D, 'content-transfer-encoding: Quoted-Printable'], /Quoted-Printable/],
  ['gzip', [D, 'Content-Encoding: gzip'], /Part 2 has the Content-Encoding "gzip"/],
  [
    'parts in a part',
    ['Content-Disposition: form-data; name="a"', 'Content-Type: multipart/mixed; boundary=c'],
    /contains other parts \(multipart\/mixed\)/,
  ],
]

t.test('headers that change a part or are ambiguous are rejected with the number of the part', async t => {
  for (const [what, lines, detail] of refused) {
    t.match(
      problemOf(() => parse(...lines)),
      { slug: 'malformed-multipart', detail },
      what,
    )
  }
})

t.test('a file name that is not UTF-8 is rejected', async t => {
  const head = Buffer.from('Content-Disposition: form-data; name="\xe9"; filename="\xe9.txt"', 'latin1')
  t.match(
    problemOf(() => parsePartHead(head, 1)),
    { slug: 'invalid-filename', detail: /part 1 is not UTF-8/ },
  )
  const field = Buffer.from('Content-Disposition: form-data; name="\xe9"', 'latin1')
  t.match(parsePartHead(field, 1), { isFile: false }, 'the name of a field means nothing')
})

t.test('hostile headers are parsed in linear time', async t => {
  const hostile = ['\\', '"', ';', '; ', '=', ' ', '\\"', '%22', "'", 'a=b;', '; filename*']
  for (const text of hostile) {
    const started = process.cpuUsage()
    try {
      parse(`Content-Disposition: form-data; name="${text.repeat(100_000 / text.length)}`)
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
    }
    const { user, system } = process.cpuUsage(started)
    t.ok(user + system < 1_000_000, `${JSON.stringify(text)}: ${user + system} µs`)
  }
})

const boundaries: Array<[contentType: string, boundary: string]> = [
  ['multipart/form-data; boundary=----WebKitFormBoundaryABC', '----WebKitFormBoundaryABC'],
  ['Multipart/Form-Data;Boundary="a b"', 'a b'],
  ['multipart/form-data; charset=utf-8; boundary="a\\"b"', 'a"b'],
  ['multipart/form-data; boundary=----=_Part_1_23.45', '----=_Part_1_23.45'],
  ['multipart/form-data; boundary=(a:b/c?) ; charset=utf-8', '(a:b/c?)'],
  ["multipart/form-data; boundary='a'", "'a'"],
  ['multipart/form-data; boundary="a', 'a'],
  ['multipart/form-data; boundary = a', 'a'],
  ['multipart/form-data; boundary=a; boundary=a', 'a'],
]

t.test('a boundary is parsed with the variations of clients', async t => {
  for (const [contentType, boundary] of boundaries) t.equal(boundaryOf(contentType), boundary, contentType)
  const wrong = [
    '',
    '; boundary=',
    '; boundary=""',
    '; boundary=a; boundary=b',
    `; boundary=${'a'.repeat(251)}`,
    '; boundary=é',
    '; boundary="a "',
  ]
  for (const text of wrong) {
    t.match(
      problemOf(() => boundaryOf(`multipart/form-data${text}`)),
      { slug: 'malformed-multipart', detail: /boundar/ },
      text,
    )
  }
})
