import { parse } from 'csv-parse/sync'
import t from 'tap'
import { type Dialect, RFC_4180 } from '../../../services/worker/transforms/built-in/csv/dialect.ts'
import { createRecordSplitter } from '../../../services/worker/transforms/built-in/csv/record-splitter.ts'
import { createTransform } from '../../../services/worker/transforms/rules/transform-source.ts'
import { seededRandom } from '../../uploads/examples.ts'
import { cut, make } from './support.ts'

const csv = await createTransform({ kind: 'built-in', name: 'csv-to-ndjson', options: {} })

interface Table {
  rows: number
  badRows: number
  dialect: Record<string, unknown>
  headerLine: number | null
  columns: string[]
  warnings: string[]
}

async function convert(content: string | Uint8Array, contentType = 'text/csv', transform = csv) {
  const outputs = await make(transform, [Buffer.from(content)], { contentType, filename: 'table.csv' })
  const [main] = outputs
  const further = (name: string) => outputs.find(output => output.name === name)?.bytes.toString()
  const bad = further('bad-rows.json')
  const lines = main?.bytes.toString().trimEnd().split('\n') ?? []
  return {
    main,
    rows: lines.filter(line => line !== '').map(line => JSON.parse(line) as unknown),
    table: JSON.parse(further('table.json') ?? '') as Table,
    bad: bad === undefined ? undefined : (JSON.parse(bad) as { goodRows: number; badRows: number; first: unknown[] }),
  }
}

const withOptions = (options: Record<string, unknown>) =>
  createTransform({ kind: 'built-in', name: 'csv-to-ndjson', options })

t.test('each row becomes a JSON object on its own line', async t => {
  const { main, rows, bad } = await convert('\ufeffname,note\r\nAda,"first, of ""all"""\r\nGrace,"two\nlines"\r\n,\r\n')
  t.match(main, { contentType: 'application/x-ndjson', filename: 'table.ndjson' })
  t.strictSame(rows, [
    { name: 'Ada', note: 'first, of "all"' },
    { name: 'Grace', note: 'two\nlines' },
    { name: '', note: '' },
  ])
  t.equal(bad, undefined, 'no row is bad')
})

t.test('bad rows are reported with their lines, and do not affect other rows', async t => {
  const text = [
    'a,b', // 1
    '1,2',
    '3', // 3: too few
    '4,"5', // 4: spans two lines
    '6"',
    '7,8,9', // 6: too many
    '10,"11"x', // 7: text after a closing quote, which spreadsheets accept
    '12,13',
    '14,x"y', // 9: a quote in the middle, too
    '15,16',
    '',
    '17,"18', // 12: never closed
    '19,20',
    '"a', // 14: a row of several lines follows RFC 4180
    'b"x,1',
    '21,22',
  ].join('\n')
  const { rows, bad, table } = await convert(text)
  t.strictSame(
    rows.map(row => Object.values(row as object).join()),
    ['1,2', '4,5\n6', '10,11x', '12,13', '14,x"y', '15,16', '19,20', '21,22'],
  )
  t.match(bad, { goodRows: 8, badRows: 5 })
  t.match(table, { rows: 8, badRows: 5 })
  t.match(bad?.first, [
    { line: 3, reason: /1 field, and the table 2 columns/ },
    { line: 6, reason: /3 fields, and the table 2 columns/ },
    { line: 12, reason: /closing quote|not closed/ },
    { line: 14, reason: /closing quote/ },
    { line: 15, reason: /middle/ },
  ])
})

t.test('a file without a readable row is refused with a reason for people', async t => {
  const refused = (content: string | Buffer, message: RegExp, contentType?: string) =>
    t.rejects(convert(content, contentType), { code: 'HEADGATE_TRANSFORM_REFUSED', message })
  await refused(
    'a,b\n1\n2,3,4\n',
    /^None of the 2 rows can be read\. Line 2: The row has 1 field, and the table 2 columns\.$/,
  )
  await refused('"a,b\n1,2\n', /^The header in line 1 cannot be read: A quote is opened and not closed/)
  await refused(`${'x,'.repeat(10_000)}y`, /^The header has more than 10000 columns\.$/)
  await refused(Buffer.from([0x61, 0xff]), /not valid utf-8/)
  await refused('a', /charset "klingon" .* unknown/, 'text/csv; charset=klingon')
})

t.test('a header without rows and an empty file give an empty output', async t => {
  for (const content of ['', 'a,b', 'a,b\n', '\ufeff']) {
    t.match(await convert(content), { rows: [], bad: undefined }, JSON.stringify(content))
  }
})

t.test('columns may have any name', async t => {
  const { main } = await convert('__proto__,constructor,1,a\nx,y,z,w\n')
  t.equal(main?.bytes.toString(), '{"__proto__":"x","constructor":"y","1":"z","a":"w"}\n', 'in the order of the file')
})

t.test('the charset of the content type and the options of the rule are applied', async t => {
  const semicolons = await withOptions({ delimiter: ';' })
  const bytes = Buffer.from('n;m\n\xe9;1,5\n', 'latin1')
  const { rows, table } = await convert(bytes, 'text/csv; charset=iso-8859-1', semicolons)
  t.strictSame(rows, [{ n: 'é', m: '1,5' }])
  t.match(table.dialect, { delimiter: ';', delimiterFrom: 'option' })

  const options: [Record<string, unknown>, string, unknown[]][] = [
    [{ delimiter: '\t' }, 'a,b\tc\n1,2\t3\n', [{ 'a,b': '1,2', c: '3' }]],
    [{ delimiter: '\\t' }, 'a,b\tc\n1,2\t3\n', [{ 'a,b': '1,2', c: '3' }]],
    [{ delimiter: ',' }, 'a;b\n1;2\n', [{ 'a;b': '1;2' }]],
    [{ quote: '' }, 'a,b\n"1,2"\n', [{ a: '"1', b: '2"' }]],
    [{ quote: "'" }, `a,b\n'1,"',2\n`, [{ a: '1,"', b: '2' }]],
    [{ escape: 'doubled' }, 'a,b\n"C:\\",2\n', [{ a: 'C:\\', b: '2' }]],
    [{ escape: 'backslash' }, 'a,b\n"1\\",2",3\n', [{ a: '1",2', b: '3' }]],
    [
      { header: 'absent' },
      'a,b\n1,2\n',
      [
        { column_1: 'a', column_2: 'b' },
        { column_1: '1', column_2: '2' },
      ],
    ],
    [{ header: ['x', 'y'] }, '1,2\n', [{ x: '1', y: '2' }]],
    [{ header: 'present' }, '1,2\n3,4\n', [{ 1: '3', 2: '4' }]],
  ]
  for (const [given, text, expected] of options) {
    t.strictSame((await convert(text, 'text/csv', await withOptions(given))).rows, expected, JSON.stringify(given))
  }
})

t.test(
  'an option is used even if the content contradicts it, and a file whose hint contradicts it is refused',
  async t => {
    const commas = await withOptions({ delimiter: ',' })
    const { table } = await convert('a;b\n1;2\n', 'text/csv', commas)
    t.match(table.warnings[0], /No line has the delimiter ",", but ";" would divide/)
    await t.rejects(convert('sep=;\na;b\n', 'text/csv', commas), {
      code: 'HEADGATE_TRANSFORM_REFUSED',
      message: /sep=;, but the option delimiter of the rule is ","/,
    })
    const present = await withOptions({ header: 'present' })
    t.strictSame((await convert('a,b\n1,2\n', 'text/csv; header=absent', present)).rows, [{ a: '1', b: '2' }])
  },
)

t.test('table.json reports how a file was read', async t => {
  const { table } = await convert('Report\r\n\r\nname;price\r\n"Ann";1,50\r\nBob;2,00\r\n')
  t.strictSame(table, {
    rows: 2,
    badRows: 0,
    dialect: {
      delimiter: ';',
      delimiterFrom: 'content',
      quote: '"',
      escape: 'doubled',
      skipInitialSpace: false,
      lineEnd: 'CRLF',
    },
    headerLine: 3,
    columnCount: 2,
    columns: ['name', 'price'],
    warnings: [],
  })
  const wide = await convert(`${Array.from({ length: 9_000 }, (_, index) => `column ${index}`).join()}\n`)
  t.match(wide.table, { columnCount: 9_000, rows: 0 })
  t.ok(JSON.stringify(wide.table).length < 20_000, 'the report fits into an item of DynamoDB')
})

t.test('a table without rows has a warning with the reason', async t => {
  for (const [content, warning] of [
    ['', /The file is empty/],
    ['\n\r\n', /The file is empty/],
    ['\x1a', /The file is empty/],
    ['a,b\n', /has a header and no rows/],
    ['1,2\n', /looks like a row of values/],
  ] as const) {
    const { rows, table } = await convert(content)
    t.strictSame(rows, [])
    t.match(table.warnings.join(), warning, JSON.stringify(content))
  }
})

t.test('at most 1,000 bad rows are reported, and all are counted', async t => {
  const { rows, bad } = await convert(`a,b\n1,2\n${'x\n'.repeat(5_000)}`)
  t.equal(rows.length, 1)
  t.match(bad, { badRows: 5_000 })
  t.equal(bad?.first.length, 1_000)
})

t.test('a quote that is never closed or an endless line becomes one bad row', async t => {
  const small = await createTransform({ kind: 'built-in', name: 'csv-to-ndjson', options: { maxRowLength: 1_024 } })
  for (const line of ['"', '']) {
    const endless = Array.from({ length: 200 }, () => Buffer.from('x'.repeat(10_000)))
    const [main, , bad] = await make(small, [Buffer.from(`a\n1\n${line}`), ...endless, Buffer.from('\n2\n')])
    t.equal(main?.bytes.toString(), '{"a":"1"}\n{"a":"2"}\n')
    t.match(JSON.parse(bad?.bytes.toString() ?? ''), { badRows: 1, first: [{ line: 3 }] })
  }
})

const DIALECTS: readonly Dialect[] = [
  RFC_4180,
  { ...RFC_4180, escape: 'backslash' },
  { ...RFC_4180, skipInitialSpace: true },
  { ...RFC_4180, quote: "'" },
  { ...RFC_4180, quote: '' },
  { ...RFC_4180, delimiter: '\t' },
]

t.test('the rows do not depend on how the text is split into pieces', async t => {
  const random = seededRandom(11)
  const pieces = [
    'a',
    'bc',
    ',',
    ',',
    '"',
    '"',
    '""',
    '\n',
    '\n',
    '\r\n',
    '\r',
    'é🎉',
    'dddddddddddd',
    ' ',
    '\t',
    '\\',
    "'",
    '\x1a',
  ]
  for (let round = 0; round < 12_000; round++) {
    const length = Math.floor(random() * 60)
    const text = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join('')
    const dialect = DIALECTS[round % DIALECTS.length] ?? RFC_4180
    const split = (parts: readonly string[]) => {
      const splitter = createRecordSplitter({ dialect, maxLength: 20 })
      return [...parts.flatMap(part => [...splitter.push(part)]), ...splitter.end(), splitter.lineEnds]
    }
    const whole = split([text])
    const pieced = split(cutText(text, random))
    if (JSON.stringify(whole) !== JSON.stringify(pieced)) {
      t.strictSame(pieced, whole, JSON.stringify([dialect, text]))
      return
    }
  }
  t.pass('12,000 random texts, split at random places')
})

t.test('the result does not depend on how the bytes of a file are split into chunks', async t => {
  const random = seededRandom(13)
  const heads = ['', '\ufeff', 'sep=;\r\n', 'Report\n\n', 'a;b\n', 'a,b\r', "'a','b'\n"]
  const pieces = [
    'a',
    ',',
    ';',
    '"',
    '\n',
    '\r\n',
    '\r',
    'é🎉',
    ' ',
    '\t',
    '|',
    "'",
    '5',
    '1,5;2',
    'x;y\n',
    '"q;""r";s\n',
  ]
  const outcome = async (parts: readonly Uint8Array[]) => {
    try {
      const outputs = await make(csv, parts, { contentType: 'text/csv', filename: 'table.csv' })
      return outputs.map(({ name, bytes }) => `${name}: ${bytes}`)
    } catch (error) {
      return String(error)
    }
  }
  for (let round = 0; round < 400; round++) {
    const body = Array.from({ length: Math.floor(random() * 40) }, () => pieces[Math.floor(random() * pieces.length)])
    // Some files are longer than the part that is searched for the dialect.
    const long = round % 20 === 0 ? 'abc;def\r\n'.repeat(8_000) : ''
    const bytes = Buffer.from((heads[round % heads.length] ?? '') + body.join('') + long)
    const whole = await outcome([bytes])
    const pieced = await outcome(cut(bytes, random, long === '' ? 4 : 40_000))
    if (JSON.stringify(whole) !== JSON.stringify(pieced)) {
      t.strictSame(pieced, whole, JSON.stringify(bytes.toString().slice(0, 200)))
      return
    }
  }
  t.pass('400 random files, split at random places')
})

t.test('csv-parse reads the same rows of texts that follow RFC 4180', t => {
  const random = seededRandom(12)
  const fields = ['', 'a', ' b', 'c d', '"e"', '"f,g"', '"h""i"', '"j\nk"', '"l\r\nm"', '\0', '\ufeffn', 'é🎉', '""']
  const ends = ['\n', '\r\n', '\r']
  for (let round = 0; round < 4_000; round++) {
    const row = () =>
      Array.from({ length: 2 + Math.floor(random() * 4) }, () => fields[Math.floor(random() * fields.length)])
    const end = ends[round % ends.length] ?? ''
    const text = Array.from({ length: 1 + Math.floor(random() * 5) }, () => `${row().join()}${end}`).join('')
    const splitter = createRecordSplitter({ dialect: RFC_4180, maxLength: 1_000 })
    const rows = [...splitter.push(text), ...splitter.end()].map(piece => ('fields' in piece ? piece.fields : piece))
    const read: unknown = parse(text, { record_delimiter: [end], relax_column_count: true, relax_quotes: true })
    if (JSON.stringify(rows) !== JSON.stringify(read)) {
      t.strictSame(rows, read, JSON.stringify(text))
      break
    }
  }
  t.pass('4,000 random texts')
  t.end()
})

function cutText(text: string, random: () => number): string[] {
  const parts: string[] = []
  for (let at = 0; at < text.length; ) {
    const size = Math.floor(random() * 5)
    parts.push(text.slice(at, at + size))
    at += size
  }
  return parts
}
