import { MIMEType } from 'node:util'
import t from 'tap'
import { TransformError } from '../../../services/worker/errors.ts'
import { decoderOf, decodeText } from '../../../services/worker/transforms/built-in/decode-text.ts'
import { encodedTexts } from '../../field/cases/encodings.ts'
import { seededRandom } from '../../uploads/examples.ts'
import { growthOf } from './growth.ts'
import { cut, cutEvery } from './support.ts'

async function* from(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

async function decode(charset: string, parts: readonly Uint8Array[]): Promise<string> {
  const type = new MIMEType(charset === '' ? 'text/plain' : `text/plain; charset=${charset}`)
  let text = ''
  for await (const piece of decodeText(from(parts), decoderOf(type))) text += piece
  return text
}

/** Returns the decoded text, or the message of the refusal. */
function outcome(charset: string, parts: readonly Uint8Array[]): Promise<string> {
  return decode(charset, parts).catch((error: unknown) => {
    if (error instanceof TransformError) return `refused: ${error.message}`
    throw error
  })
}

t.test('the decoded text does not depend on how its bytes are split, in any encoding', async t => {
  const random = seededRandom(11)
  for (const [charset, hex, text] of encodedTexts) {
    const bytes = Buffer.from(hex.repeat(3), 'hex')
    const expected = text.repeat(3)
    const found = new Set<string>()
    for (let size = 1; size <= 9; size++) found.add(await decode(charset, cutEvery(bytes, size)))
    for (let round = 0; round < 20; round++) found.add(await decode(charset, cut(bytes, random, 12)))
    t.strictSame([...found], [expected], charset)
  }
})

t.test('the offset of a fault does not depend on how the bytes are split', async t => {
  const random = seededRandom(12)
  const cases = [
    ['', '61c3a962ff', /not valid utf-8: the byte at offset 4/],
    ['', '61f09f8ec3', /not valid utf-8: the byte at offset 4/],
    ['', '61e6', /ends in the middle of the character that begins at byte offset 1/],
    ['', 'c3a96100', /NUL character at byte offset 3/],
    ['', '61621b24422422', /escape sequences of ISO-2022/],
    ['', 'efbbbf61ff', /not valid utf-8: the byte at offset 4 .*byte-order mark/],
    ['utf-16le', '6100420000004300', /NUL character at byte offset 5/],
    ['utf-16le', '61003dd84100', /not valid utf-16le: the byte at offset 5/],
    ['utf-16be', '0061d83d', /begins at byte offset 2/],
    ['windows-1252', 'e9e98165', /byte offset 2 decodes to U\+0081/],
    ['euc-kr', 'b0a18c63ff61', /not valid euc-kr: the byte at offset 4/],
    ['euc-kr', 'b0a1b0', /ends in the middle of the character that begins at byte offset 2/],
    ['shift_jis', '82a0f04061', /byte offset 3 decodes to U\+E000/],
    ['gb18030', '61823587389582358738', /begins at byte offset 8/],
    ['euc-jp', '8fb0a18fb020', /not valid euc-jp: the byte at offset 5/],
    ['big5', 'a440a4ff', /not valid big5: the byte at offset 3/],
    ['iso-2022-jp', '411b24422422242280', /not valid iso-2022-jp: the byte at offset 8/],
    ['iso-2022-jp', '1b244224221b284280', /not valid iso-2022-jp: the byte at offset 8/],
  ] as const
  for (const [charset, hex, reason] of cases) {
    const bytes = Buffer.from(hex, 'hex')
    const found = new Set<string>()
    for (let size = 1; size <= 12; size++) found.add(await outcome(charset, cutEvery(bytes, size)))
    for (let round = 0; round < 10; round++) found.add(await outcome(charset, cut(bytes, random, 4)))
    t.equal(found.size, 1, [...found].join('\n'))
    t.match([...found][0], reason, `${charset} ${hex}`)
  }
})

t.test('a fault far from the start is found', async t => {
  const kanji = Buffer.from('1b2442'.concat('2422'.repeat(60_000), '80'), 'hex')
  t.match(await outcome('iso-2022-jp', cutEvery(kanji, 65_536)), /the byte at offset 120003 /)
  const utf8 = Buffer.concat([Buffer.from('日本'.repeat(40_000)), Buffer.from([0xff])])
  t.match(await outcome('', cutEvery(utf8, 65_536)), /the byte at offset 240000 /)
})

t.test('every double-byte character of UHC is decoded or refused', async t => {
  let decoded = 0
  const wrong: string[] = []
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    for (let trail = 0x41; trail <= 0xfe; trail++) {
      const text = await outcome('euc-kr', [Buffer.from([lead, trail])])
      if (text.startsWith('refused: ')) continue
      decoded++
      if (/[\x80-\x9f\ue000-\uf8ff\ufffd]/.test(text)) wrong.push(`${lead.toString(16)}${trail.toString(16)}`)
    }
  }
  t.strictSame(wrong, [])
  // 11,172 syllables, 4,888 hanja and 988 symbols.
  t.equal(decoded, 17_048)
})

t.test('UTF-16 that is certainly mislabelled is refused, and other UTF-16 is decoded', async t => {
  t.equal(await decode('utf-16', [Buffer.from('一刀', 'utf16le')]), '一刀')
  t.equal(await decode('utf-16', [Buffer.from('あいうえお', 'utf16le')]), 'あいうえお')
  const prose = Buffer.from('A text of sixty-four bytes and more, all of which are in ASCII.....')
  t.match(await outcome('utf-16le', [prose.subarray(0, 64)]), /says utf-16le, and the bytes look like utf-8/)
  t.match(
    await outcome('utf-16be', [Buffer.from('text', 'utf16le')]),
    /says utf-16be, and the bytes look like utf-16le/,
  )
})

t.test('the time to decode is proportional to the length, even in small pieces', async t => {
  for (const charset of ['', 'euc-kr', 'utf-16le', 'iso-2022-jp']) {
    const read = async (size: number) => {
      const pieces = Array.from({ length: size / 16 }, () =>
        Buffer.from((charset === 'utf-16le' ? '6100' : '6162').repeat(8), 'hex'),
      )
      t.equal((await decode(charset, pieces)).length, charset === 'utf-16le' ? size / 2 : size)
    }
    const { factor, micros } = await growthOf(read, { size: 32 * 1024 })
    t.ok(factor < 9, `${charset}: ${factor.toFixed(1)} times, ${Math.round(micros / 1000)} ms`)
  }
})
