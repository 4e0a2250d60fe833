import t from 'tap'
import { createFormScanner } from '../../../services/api/body-formats/form-scanner.ts'
import { parsePartHead } from '../../../services/api/body-formats/part-head.ts'
import { ProblemError } from '../../../services/api/problems/problem.ts'
import { randomBodies, randomForm, randomNumbers } from './random-forms.ts'
import { countBeginnings, type ReadPart, readSlowly } from './reference-reader.ts'

type Outcome = { parts: ReadPart[] } | { refused: string }

/** Scans a body in chunks of these sizes. The last size is repeated. */
function scan(body: Buffer, boundary: string, sizes: readonly number[] = [body.length || 1]): Outcome {
  const parts: ReadPart[] = []
  let ended = 0
  const scanner = createFormScanner(boundary, {
    head: (bytes, part) => {
      if (part !== parts.length + 1) throw new Error(`Part ${parts.length + 1} has the number ${part}`)
      parsePartHead(bytes, part)
      parts.push({ head: bytes.toString('latin1'), content: '' })
    },
    content: bytes => {
      const last = parts.at(-1)
      if (last) last.content += bytes.toString('latin1')
    },
    partEnd: () => ended++,
  })
  try {
    let index = 0
    for (let at = 0; at < body.length; ) {
      const size = sizes[Math.min(index++, sizes.length - 1)] ?? 1
      scanner.push(body.subarray(at, at + size))
      at += size
    }
    scanner.end()
  } catch (error) {
    if (!(error instanceof ProblemError) || error.slug !== 'malformed-multipart') throw error
    return { refused: error.detail }
  }
  if (ended !== parts.length) throw new Error(`${ended} of ${parts.length} parts have ended`)
  return { parts }
}

const bytesOf = (text: string) => Buffer.from(text, 'latin1')
const HEAD = 'Content-Disposition: form-data; name="f"; filename="a"'
const part = (content: string) => `${HEAD}\r\n\r\n${content}`

const read: Array<[what: string, boundary: string, body: string, contents: string[]]> = [
  ['two parts', 'XX', `--XX\r\n${part('one')}\r\n--XX\r\n${part('two')}\r\n--XX--\r\n`, ['one', 'two']],
  [
    'blanks and tabs behind a boundary',
    'XX',
    `--XX \t\r\n${part('one')}\r\n--XX  \r\n${part('two')}\r\n--XX-- \t\r\n`,
    ['one', 'two'],
  ],
  [
    'a line that begins with the boundary',
    'a',
    `--a\r\n${part('head\r\n--ab\r\ntail')}\r\n--a--\r\n`,
    ['head\r\n--ab\r\ntail'],
  ],
  [
    'a line that begins with the last boundary',
    'a',
    `--a\r\n${part('1\r\n--a--b\r\n2')}\r\n--a--\r\n`,
    ['1\r\n--a--b\r\n2'],
  ],
  ['a boundary inside of a line', 'a', `--a\r\n${part('x--a\r\n--a-y')}\r\n--a--`, ['x--a\r\n--a-y']],
  ['dashes and line ends before a boundary', 'a', `--a\r\n${part('x\r\n\r\n-\r\n--')}\r\n--a--`, ['x\r\n\r\n-\r\n--']],
  ['an end without a line end', 'a', `--a\r\n${part('x')}\r\n--a--`, ['x']],
  ['text before and behind', 'a', `hello\r\n--a\r\n${part('x')}\r\n--a--\r\nbye`, ['x']],
  ['an empty line before', 'a', `\r\n--a\r\n${part('x')}\r\n--a--\r\n\r\n`, ['x']],
  ['empty contents', 'a', `--a\r\n${part('')}\r\n--a\r\n${HEAD}\r\n\r\n--a--\r\n`, ['', '']],
  ['no part', 'a', '--a--\r\n', []],
  ['the end twice', 'a', `--a\r\n${part('x')}\r\n--a--\r\n--a--\r\n`, ['x']],
  ['zeros', 'a', `--a\r\n${part('\0\0\r\0\n')}\r\n--a--`, ['\0\0\r\0\n']],
]

t.test('the parts of a form are exact and do not depend on its chunks', async t => {
  for (const [what, boundary, body, contents] of read) {
    for (const size of [body.length, 1, 2, 3, 7]) {
      const outcome = scan(bytesOf(body), boundary, [size])
      t.strictSame(
        'parts' in outcome ? outcome.parts.map(({ content }) => content) : outcome,
        contents,
        `${what}, by ${size}`,
      )
    }
  }
})

const refused: Array<[what: string, body: string, detail: RegExp]> = [
  ['line feeds for line ends', `--XX\n${part('x').replaceAll('\r', '')}\n--XX--\n`, /line at byte 0 .*CR LF/],
  [
    'a line feed before a delimiter',
    `--XX\r\n${part('x')}\n--XX\r\n${part('y')}\r\n--XX--\r\n`,
    /line at byte 66 .*CR LF/,
  ],
  [
    'a line feed behind a delimiter',
    `--XX\r\n${part('x')}\r\n--XX\n${part('y')}\r\n--XX--\r\n`,
    /line at byte 67 .*CR LF/,
  ],
  [
    'a carriage return behind a delimiter',
    `--XX\r\n${part('x')}\r\n--XX\r${part('y')}\r\n--XX--\r\n`,
    /line at byte 67 .*CR LF/,
  ],
  [
    'a delimiter that begins in a line',
    `--XX\r\n${part('x')}--XX\r\n${part('y')}\r\n--XX--\r\n`,
    /starts after byte 65/,
  ],
  [
    'a delimiter with text behind it',
    `--XX\r\n${part('x')}\r\n--XX;\r\n${part('y')}\r\n--XX--\r\n`,
    /starts after byte 67/,
  ],
  ['an indented delimiter', `--XX\r\n${part('x')}\r\n --XX\r\n${part('y')}\r\n--XX--\r\n`, /starts after byte 68/],
  ['an indented first delimiter', ` --XX\r\n${part('x')}\r\n--XX\r\n${part('y')}\r\n--XX--\r\n`, /starts after byte 1/],
  [
    'a part before the first delimiter',
    `${part('x')}\r\n--XX\r\n${part('y')}\r\n--XX--\r\n`,
    /part before its first delimiter/,
  ],
  [
    'a part behind the end',
    `--XX\r\n${part('x')}\r\n--XX--\r\n--XX\r\n${part('y')}\r\n--XX--\r\n`,
    /part after its last delimiter/,
  ],
  [
    'the end in the middle',
    `--XX\r\n${part('x')}\r\n--XX--\r\n${part('y')}\r\n--XX--\r\n`,
    /part after its last delimiter/,
  ],
  ['no end', `--XX\r\n${part('x')}\r\n`, /ends in part 1, after 67 bytes/],
  ['half an end', `--XX\r\n${part('x')}\r\n--XX-`, /ends in part 1/],
  ['an end in the headers', `--XX\r\n${part('x')}\r\n--XX\r\n${HEAD}`, /ends inside the headers of part 2/],
  [
    'headers that end with LF',
    `--XX\r\n${HEAD}\n\nx\r\n--XX--\r\n`,
    /header line of part 1 ends with LF alone, at byte 60/,
  ],
  ['another boundary', `--YY\r\n${part('x')}\r\n--YY--\r\n`, /no line "--XX"/],
  [
    'a thousand blanks',
    `--XX${' '.repeat(1_000)}\r\n${part('x')}\r\n--XX--\r\n`,
    /blanks follow the boundary at byte 0/,
  ],
  [
    'headers cut off by a delimiter',
    `--XX\r\n${HEAD}\r\n--XX\r\n${part('y')}\r\n--XX--\r\n`,
    /headers of part 1 are interrupted/,
  ],
  ['no headers at all', '--XX\r\n--XX--\r\n\r\n', /headers of part 1 are interrupted/],
  ['endless headers', `--XX\r\nA: ${'a'.repeat(200_000)}`, /headers of part 1 are larger than 131072 bytes/],
  [
    'much text before',
    `${'a'.repeat(70_000)}\r\n--XX\r\n${part('x')}\r\n--XX--\r\n`,
    /65536 bytes before its first delimiter/,
  ],
  [
    'much text behind',
    `--XX\r\n${part('x')}\r\n--XX--\r\n${'a'.repeat(70_000)}`,
    /65536 bytes after its last delimiter/,
  ],
]

t.test('a form that could lose a part is rejected with the position, in any chunks', async t => {
  for (const [what, body, detail] of refused) {
    const whole = scan(bytesOf(body), 'XX')
    t.match(whole, { refused: detail }, what)
    if (body.length > 10_000) continue
    for (const size of [1, 2, 5]) t.strictSame(scan(bytesOf(body), 'XX', [size]), whole, `${what}, by ${size}`)
  }
})

t.test('an accepted form has exactly the parts that a reference reader finds', async t => {
  let accepted = 0
  const wrong: unknown[] = []
  for (const { body, boundary, sizes, seed } of randomBodies(20_000)) {
    const bytes = bytesOf(body)
    const whole = scan(bytes, boundary)
    const cut = scan(bytes, boundary, sizes)
    if (JSON.stringify(whole) !== JSON.stringify(cut)) wrong.push({ seed, body, whole, cut, sizes })
    if ('refused' in whole) continue
    accepted++
    if (JSON.stringify(whole.parts) !== JSON.stringify(readSlowly(body, boundary))) wrong.push({ seed, body, whole })
    if (countBeginnings(body, boundary) > whole.parts.length) wrong.push({ seed, body, whole, missing: true })
  }
  t.strictSame(wrong.slice(0, 3), [])
  t.ok(accepted > 2_000, `${accepted} of them are accepted`)
})

t.test('a valid form is always accepted', async t => {
  const random = randomNumbers(7)
  for (let count = 0; count < 2_000; count++) {
    const { body, boundary, contents, sizes } = randomForm(random)
    const outcome = scan(bytesOf(body), boundary, sizes)
    const found = 'parts' in outcome ? outcome.parts.map(({ content }) => content) : outcome
    if (JSON.stringify(found) === JSON.stringify(contents)) continue
    t.strictSame(found, contents, JSON.stringify({ body, boundary, sizes }))
    return
  }
})

t.test('large chunks that end inside a possible delimiter lose nothing', async t => {
  const random = randomNumbers(11)
  for (let count = 0; count < 300; count++) {
    const content = Array.from(
      { length: 2_000 },
      () => ['\r\n', '\r', '--', '\r\n--b', 'x', 'y-'][Math.floor(random() * 6)],
    )
    const body = bytesOf(`--b\r\n${part(`${content.join('').replaceAll(/--b(?!x)/g, '--bx')}z`)}\r\n--b--\r\n`)
    const sizes = Array.from({ length: 5 }, () => 1_025 + Math.floor(random() * 2_000))
    const whole = scan(body, 'b')
    const cut = scan(body, 'b', sizes)
    if ('parts' in whole && JSON.stringify(whole) === JSON.stringify(cut)) continue
    t.strictSame(cut, whole, JSON.stringify(sizes))
    t.match(whole, { parts: [{}] })
    return
  }
})

t.test('the scan takes linear time, even for hostile contents', async t => {
  const boundary = 'b'
  const hostile = [
    '--b',
    '\r\n--',
    '\r\n--b-',
    '\r\n--b \t',
    '\n',
    '\r',
    '-',
    '\r\n--bContent-Dispositio\r\n',
    '--b\r\nContent-Dispositio\r\n',
  ]
  for (const text of hostile) {
    const times = [1, 8].map(factor => {
      const body = bytesOf(`--b\r\n${part(text.repeat((factor * 100_000) / text.length))}`)
      const started = process.cpuUsage()
      scan(body, boundary, [1_000])
      const { user, system } = process.cpuUsage(started)
      return (user + system) / 1_000
    })
    const [small = 0, large = 0] = times
    t.ok(large < 8 * small * 3 + 200, `${JSON.stringify(text)}: ${small} ms, and ${large} ms for eight times as much`)
  }
})
