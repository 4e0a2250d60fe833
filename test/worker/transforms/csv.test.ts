import { parse } from 'csv-parse/sync'
import t from 'tap'
import { createTransform } from '../../../services/worker/transforms/rules/transform-source.ts'
import { fieldsOf } from '../../../services/worker/transforms/shipped/csv/fields.ts'
import { createRecordSplitter } from '../../../services/worker/transforms/shipped/csv/record-splitter.ts'
import { seededRandom } from '../../uploads/examples.ts'
import { make } from './support.ts'

const csv = await createTransform({ kind: 'shipped', name: 'csv-to-ndjson', options: {} })

async function convert(content: string | Uint8Array, contentType = 'text/csv', transform = csv) {
  const [main, bad] = await make(transform, [Buffer.from(content)], { contentType, filename: 'table.csv' })
  const lines = main?.bytes.toString().trimEnd().split('\n') ?? []
  return {
    main,
    rows: lines.filter(line => line !== '').map(line => JSON.parse(line) as unknown),
    bad: bad && (JSON.parse(bad.bytes.toString()) as { goodRows: number; badRows: number; first: unknown[] }),
  }
}

t.test('each row becomes an object on a line of its own', async t => {
  const { main, rows, bad } = await convert('\ufeffname,note\r\nAda,"first, of ""all"""\r\nGrace,"two\nlines"\r\n,\r\n')
  t.match(main, { contentType: 'application/x-ndjson', filename: 'table.ndjson' })
  t.strictSame(rows, [
    { name: 'Ada', note: 'first, of "all"' },
    { name: 'Grace', note: 'two\nlines' },
    { name: '', note: '' },
  ])
  t.equal(bad, undefined, 'nothing was wrong')
})

t.test('rows that cannot be read are told with their lines, and cost no other row', async t => {
  const text = [
    'a,b', // 1
    '1,2',
    '3', // 3: too few
    '4,"5', // 4: spans two lines
    '6"',
    '7,8,9', // 6: too many
    '10,"11"x', // 7: after the closing quote
    '12,13',
    '14,x"y', // 9: in the middle
    '15,16',
    '',
    '17,"18', // 12: never closed
    '19,20',
    '21,22',
  ].join('\n')
  const { rows, bad } = await convert(text)
  t.strictSame(
    rows.map(row => Object.values(row as object).join()),
    ['1,2', '4,5\n6', '12,13', '15,16', '19,20', '21,22'],
  )
  t.match(bad, { goodRows: 6, badRows: 5 })
  t.match(bad?.first, [
    { line: 3, reason: /1 fields, not 2/ },
    { line: 6, reason: /3 fields, not 2/ },
    { line: 7, reason: /closing quote/ },
    { line: 9, reason: /middle/ },
    { line: 12, reason: /not closed/ },
  ])
})

t.test('what is no table at all is refused, with a reason for people', async t => {
  const refused = (content: string | Buffer, message: RegExp, contentType?: string) =>
    t.rejects(convert(content, contentType), { code: 'HEADGATE_TRANSFORM_REFUSED', message })
  await refused('a,b\n1\n2,3,4\n', /^None of the 2 rows can be read\. Line 2: The row has 1 fields, not 2\.$/)
  await refused('a,a\n1,2\n', /^Two columns have the same name: 1 and 2\.$/)
  await refused('a"b,c\n1,2\n', /^The header cannot be read: A quote stands in the middle/)
  await refused(`${'x,'.repeat(10_000)}y`, /^The header has more than 10000 columns\.$/)
  await refused(Buffer.from([0x61, 0xff]), /not valid utf-8/)
  await refused('a', /charset "klingon" .* unknown/, 'text/csv; charset=klingon')
})

t.test('a header without rows, and nothing at all, become nothing', async t => {
  for (const content of ['', 'a,b', 'a,b\n', '\ufeff']) {
    t.match(await convert(content), { rows: [], bad: undefined }, JSON.stringify(content))
  }
})

t.test('columns may be called anything', async t => {
  const { main } = await convert('__proto__,constructor,1,a\nx,y,z,w\n')
  t.equal(main?.bytes.toString(), '{"__proto__":"x","constructor":"y","1":"z","a":"w"}\n', 'in their order')
})

t.test('another charset and another delimiter', async t => {
  const semicolons = await createTransform({ kind: 'shipped', name: 'csv-to-ndjson', options: { delimiter: ';' } })
  const bytes = Buffer.from('n;m\n\xe9;1,5\n', 'latin1')
  t.strictSame((await convert(bytes, 'text/csv; charset=iso-8859-1', semicolons)).rows, [{ n: 'é', m: '1,5' }])
})

t.test('the bad rows that are told are bounded, and all are counted', async t => {
  const { rows, bad } = await convert(`a,b\n1,2\n${'x\n'.repeat(5_000)}`)
  t.equal(rows.length, 1)
  t.match(bad, { badRows: 5_000 })
  t.equal(bad?.first.length, 1_000)
})

t.test('no more than a row is held of a file whose quote is never closed, or that has no line', async t => {
  const small = await createTransform({ kind: 'shipped', name: 'csv-to-ndjson', options: { maxRowLength: 1_024 } })
  for (const line of ['"', '']) {
    const endless = Array.from({ length: 200 }, () => Buffer.from('x'.repeat(10_000)))
    const [main, bad] = await make(small, [Buffer.from(`a\n1\n${line}`), ...endless, Buffer.from('\n2\n')])
    t.equal(main?.bytes.toString(), '{"a":"1"}\n{"a":"2"}\n')
    t.match(JSON.parse(bad?.bytes.toString() ?? ''), { badRows: 1, first: [{ line: 3 }] })
  }
})

t.test('what comes out does not depend on how the bytes are cut', async t => {
  const random = seededRandom(11)
  const pieces = ['a', 'bc', ',', ',', '"', '"', '""', '\n', '\n', '\r\n', '\r', 'é🎉', 'dddddddddddd']
  for (let round = 0; round < 3_000; round++) {
    const length = Math.floor(random() * 60)
    const text = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join('')
    const split = (parts: readonly string[]) => {
      const splitter = createRecordSplitter({ delimiter: ',', maxLength: 20 })
      return [...parts.flatMap(part => [...splitter.push(part)]), ...splitter.end()]
    }
    const whole = split([text])
    const pieced = split(cutText(text, random))
    if (JSON.stringify(whole) !== JSON.stringify(pieced)) {
      t.strictSame(pieced, whole, JSON.stringify(text))
      return
    }
  }
  t.pass('3,000 random texts, cut at random places')
})

t.test('the fields of a row are those that csv-parse reads', t => {
  const random = seededRandom(12)
  const pieces = ['a', ' ', ',', ',', '"', '"', '""', '"b"', ',"",', '\n', '\r', '\0', '\ufeff', 'é🎉']
  const settings = { record_delimiter: ['\n'], relax_column_count: true, max_record_size: 0 }
  let rows = 0
  for (let round = 0; round < 10_000; round++) {
    const text = Array.from({ length: Math.floor(random() * 20) }, () => pieces[Math.floor(random() * pieces.length)])
    const splitter = createRecordSplitter({ delimiter: ',', maxLength: 100 })
    for (const piece of [...splitter.push(text.join('')), ...splitter.end()]) {
      if (!('text' in piece)) continue
      rows++
      const fields = fieldsOf(piece.text, ',')
      const [read] = parse(`${piece.text}\n`, settings)
      if (JSON.stringify(fields) !== JSON.stringify(read)) t.strictSame(fields, read, JSON.stringify(piece.text))
    }
  }
  t.ok(rows > 4_000, `${rows} rows`)
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
