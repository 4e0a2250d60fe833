import t from 'tap'
import { parseCsv } from '../../services/console/page/csv.ts'
import { base64Of, bytesOf, hexDump, jsonTokens, previewOf, textOf } from '../../services/console/page/data-text.ts'
import { layOut } from '../../services/console/page/lineage.ts'
import type { ShardView } from '../../services/console/snapshot.ts'

const LAST_HASH_KEY = 2n ** 128n - 1n

/** @param from and `to` the part of the hash keys, from 0 to 1 */
function shard(id: string, from: number, to: number, parents: string[] = []): ShardView {
  const key = (part: number) => String((LAST_HASH_KEY * BigInt(part * 1_000)) / 1_000n)
  return {
    id,
    parents,
    isListed: true,
    isClosed: false,
    isFinished: false,
    firstHashKey: key(from),
    lastHashKey: key(to),
    lease: null,
    lag: null,
    arrivals: null,
  }
}

function placesOf(shards: ShardView[]): Record<string, string> {
  return Object.fromEntries(layOut(shards).placed.map(({ shard: { id }, column, row }) => [id, `${column}:${row}`]))
}

t.test('a split puts the children to the right, with the parent between them', async t => {
  const shards = [shard('0', 0, 0.5), shard('1', 0.5, 1), shard('2', 0, 0.25, ['0']), shard('3', 0.25, 0.5, ['0'])]
  t.strictSame(placesOf(shards), { 0: '0:0.5', 1: '0:2', 2: '1:0', 3: '1:1' })
  t.equal(layOut(shards).edges.length, 2)
})

t.test('the parents of a merge do not overlap', async t => {
  const shards = [shard('0', 0, 0.5), shard('1', 0.5, 1), shard('2', 0, 1, ['0', '1'])]
  t.strictSame(placesOf(shards), { 0: '0:0', 1: '0:1', 2: '1:0' })
})

t.test('a parent that has expired is left out, and a stream without shards has no places', async t => {
  t.strictSame(placesOf([shard('5', 0, 1, ['2'])]), { 5: '0:0' })
  t.strictSame(layOut([]), { placed: [], edges: [], columns: 1, rows: 1 })
})

t.test('JSON is indented, and every value keeps its notation', async t => {
  const join = (text: string) =>
    jsonTokens(text)
      ?.map(token => token.text)
      .join('')
  t.equal(
    join('{"id":12345678901234567890,"a":[1.0,true],"e":{},"s":"a \\"{b}\\""}'),
    [
      '{',
      '  "id": 12345678901234567890,',
      '  "a": [',
      '    1.0,',
      '    true',
      '  ],',
      '  "e": {},',
      '  "s": "a \\"{b}\\""',
      '}',
    ].join('\n'),
  )
  for (const text of ['hello', '{"a":', '12', '"text"']) t.equal(jsonTokens(text), undefined, text)
  t.strictSame(
    jsonTokens('{"a":"b"}')?.map(({ kind }) => kind),
    ['mark', 'key', 'mark', 'string', 'mark'],
  )
})

t.test('bytes that are not text are shown in hexadecimal', async t => {
  const bytes = Uint8Array.of(0, 255, 72, 105)
  t.equal(textOf(bytes, false), undefined)
  t.equal(previewOf(bytes, false), '00 ff 48 69')
  t.match(hexDump(bytes), /^00000000 {2}00 ff 48 69 +\.\.Hi$/)
  const cut = new TextEncoder().encode('aé').subarray(0, 2)
  t.equal(textOf(cut, true), 'a', 'a cut may divide a character')
  t.equal(textOf(cut, false), undefined)
  const large = Uint8Array.from({ length: 100_000 }, (_, index) => index % 256)
  t.strictSame(bytesOf(base64Of(large)), large)
})

t.test('CSV has quoted cells, line breaks in cells, and other delimiters', async t => {
  t.strictSame(parseCsv('a,b\r\n"x, ""y""","1\n2"\r\n', 10), [
    ['a', 'b'],
    ['x, "y"', '1\n2'],
  ])
  t.strictSame(parseCsv('a;b\n1,5;2', 10), [
    ['a', 'b'],
    ['1,5', '2'],
  ])
  t.equal(parseCsv('a\nb\nc\n', 2).length, 2)
})
