import { readdirSync } from 'node:fs'
import sharp from 'sharp'
import t from 'tap'
import { CorpusUnavailableError, fetchPackage } from './fetch-package.ts'
import { parseExpectation } from './forms.ts'
import { sampleOf } from './images.ts'
import { judge, type Outcome } from './judge.ts'
import { describe } from './table.ts'

const processed = (transform: string, output: string | Buffer, more = {}): Outcome => ({
  kind: 'processed',
  files: [{ filename: 'a', transform, stored: Buffer.from(output), output: Buffer.from(output), ...more }],
})
const refused: Outcome = { kind: 'refused', reason: 'The content is not text.' }

t.test('an item that the reader cannot read may only be rejected or digested', async t => {
  const unreadable = { kind: 'unreadable' } as const
  t.match(await judge(unreadable, refused), { verdict: 'refused' })
  t.match(await judge(unreadable, processed('digest', '{}')), { verdict: 'right' })
  t.match(await judge(unreadable, processed('upper-case', 'A')), { verdict: 'silently wrong' })
  t.match(await judge({ kind: 'text', text: 'A' }, refused), { verdict: 'refused wrongly' })
  t.match(await judge({ kind: 'text', text: 'A' }, { kind: 'crash', reason: '500' }), { verdict: 'crash' })
})

t.test('a text with one wrong character is silently wrong', async t => {
  t.match(await judge({ kind: 'text', text: 'CAFÉ' }, processed('upper-case', 'CAFÉ')), { verdict: 'right' })
  const wrong = await judge({ kind: 'text', text: 'CAFÉ' }, processed('upper-case', 'CAFÃ©'))
  t.match(wrong, { verdict: 'silently wrong', detail: /from character 3 on/ })
})

t.test('rows that are missing, merged or in another order are silently wrong', async t => {
  const expected = {
    kind: 'rows',
    rows: [
      ['1', 'a'],
      ['2', 'b'],
    ],
    mayBeRefused: false,
  } as const
  const rows = (...objects: object[]) => processed('csv-to-ndjson', objects.map(one => JSON.stringify(one)).join('\n'))
  const [first, second] = [
    { n: '1', m: 'a' },
    { m: 'b', n: '2', o: '' },
  ]
  t.match(await judge(expected, rows(first, second)), { verdict: 'right' })
  for (const wrong of [
    rows(first),
    rows(second, first),
    rows({ 'n;m': '1;a' }, { 'n;m': '2;b' }),
    processed('digest', ''),
  ]) {
    t.match(await judge(expected, wrong), { verdict: 'silently wrong' })
  }
})

t.test('a thumbnail of another size or picture is silently wrong', async t => {
  const plain = (background: string, width = 20) =>
    sharp({ create: { width, height: 20, channels: 3, background } })
      .png()
      .toBuffer()
  const red = await plain('#c02020')
  const expected = { kind: 'image', width: 20, height: 20, pixels: await sampleOf(red) } as const
  t.match(await judge(expected, processed('image', red)), { verdict: 'right' })
  t.match(await judge(expected, processed('image', await plain('#2020c0'))), { detail: /pixels differ/ })
  t.match(await judge(expected, processed('image', await plain('#c02020', 10))), { detail: '10 by 20, not 20 by 20' })
})

t.test('the expectation of a form is read from its few lines of YAML', async t => {
  const yaml = (lines: string) => `boundary: --b\nexpected:\n${lines}`
  const file = "  - name: f\n    type: file\n    file_name: 'a.txt'\n    data: !!binary |\n      aGVs\n      bG8=\n"
  t.strictSame(parseExpectation(yaml(`  - name: x\n    type: field\n    data: y\n${file}`)), {
    boundary: '--b',
    expected: { kind: 'files', files: [{ filename: 'a.txt', bytes: Buffer.from('hello') }] },
  })
  t.match(parseExpectation(yaml('    error: 9\n')), { expected: { kind: 'unreadable' } })
  t.match(parseExpectation(yaml('  - name: x\n    type: field\n')), { expected: { kind: 'unreadable' } })
})

t.test('the table counts verdicts, lists what is wrong and names skipped corpora', async t => {
  const { text, unexplained } = describe([
    {
      corpus: 'texts',
      items: [
        { name: 'a', verdict: 'right', detail: '' },
        { name: 'b', verdict: 'crash', detail: '500.' },
      ],
    },
    { corpus: 'forms', skipped: 'pip is not installed' },
  ])
  t.match(text, /^texts +2 +1 +0 +0 +0 +1$/m)
  t.match(text, 'texts b: crash. 500.')
  t.match(text, 'forms: skipped, since pip is not installed')
  t.equal(unexplained, 1)
})

t.test('a package that cannot be downloaded is reported, and leaves nothing in the cache', async t => {
  const cache = t.testdir({})
  const { PATH } = process.env
  process.env.PATH = ''
  t.teardown(() => {
    process.env.PATH = PATH
  })
  const error = { name: CorpusUnavailableError.name, message: 'pip is not installed' }
  await t.rejects(fetchPackage({ registry: 'pypi', name: 'nothing', version: '1' }, cache), error)
  process.env.PATH = PATH
  t.strictSame(readdirSync(cache), [])
})
