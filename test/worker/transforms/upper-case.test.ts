import { randomInt } from 'node:crypto'
import t from 'tap'
import { declaredType } from '../../../services/uploads/media-types/type-names.ts'
import { TransformError } from '../../../services/worker/errors.ts'
import { upperCase } from '../../../services/worker/transforms/built-in/upper-case.ts'
import { outputsOf } from '../../../services/worker/transforms/outputs.ts'

const signal = new AbortController().signal

function described(contentType: string, filename = 'a.txt') {
  const mediaType = declaredType(contentType) ?? 'text/plain'
  return { contentType, mediaType, filename, key: `uploads/${filename}`, size: 0 }
}

async function* chunks(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

async function apply(contentType: string, ...parts: Uint8Array[]): Promise<{ contentType: string; bytes: Buffer }> {
  const made: Uint8Array[] = []
  const outputs = outputsOf(upperCase, chunks(...parts), { upload: described(contentType), signal })
  for await (const output of outputs) {
    for await (const part of output.body) made.push(part)
    return { contentType: output.contentType, bytes: Buffer.concat(made) }
  }
  throw new Error('there is no output')
}

/** Splits bytes at random places, often into single bytes, sometimes into empty chunks. */
function cut(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = randomInt(0, 5)
    parts.push(bytes.subarray(at, at + size))
    at += size
  }
  return parts
}

const ALPHABET = [...'az ÄßŉǰΐΰևẖﬁﬃσςΣİiıΆϓ\u0345\u0301\u0307\u0308e\u0301🎉𐐨𞤢👨‍👩‍👧\u0001\r\n中'] as const

function randomText(): string {
  return Array.from({ length: randomInt(0, 60) }, () => ALPHABET[randomInt(ALPHABET.length)] ?? '').join('')
}

t.test('the result does not depend on how the bytes of a text are split', async t => {
  for (let round = 0; round < 500; round++) {
    const text = randomText()
    const parts = cut(Buffer.from(text))
    const { bytes } = await apply('text/plain', ...parts)
    if (bytes.toString() !== text.toUpperCase()) {
      t.equal(bytes.toString(), text.toUpperCase(), JSON.stringify(parts.map(part => part.toString('hex'))))
      return
    }
  }
  t.pass('500 random texts, split at random bytes')
})

t.test('the upper case of a code point does not depend on its context', async t => {
  const around = [
    ['', ''],
    ['a', 'b'],
    ['Σ', 'σ'],
    ['i\u0307', '\u0301'],
    ['ΐ\u0345', '\u0345α'],
    ['\u0345', '\u0308'],
    ['🎉', '𐐨'],
  ] as const
  const wrong: string[] = []
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point <= 0xdfff) continue
    const character = String.fromCodePoint(point)
    const alone = character.toUpperCase()
    for (const [before, after] of around) {
      const together = (before + character + after).toUpperCase()
      if (together !== before.toUpperCase() + alone + after.toUpperCase()) wrong.push(point.toString(16))
    }
  }
  t.strictSame(wrong, [])
})

t.test('one character may become several characters', async t => {
  const { bytes } = await apply('text/plain', Buffer.from('straße ﬃ ΐ'))
  t.equal(bytes.toString(), 'STRASSE FFI \u0399\u0308\u0301')
})

t.test('a byte-order mark is removed only at the start', async t => {
  const { bytes } = await apply('text/plain', Buffer.from([0xef]), Buffer.from('bbbf61efbbbf62', 'hex'))
  t.equal(bytes.toString('hex'), '41efbbbf42')
})

t.test('an empty text becomes an empty output', async t => {
  t.equal((await apply('text/plain')).bytes.length, 0)
  t.equal((await apply('text/plain', Buffer.alloc(0))).bytes.length, 0)
})

t.test('bytes that are not UTF-8 are refused at any place', async t => {
  const cases = ['ff', '61c3', 'c328', 'eda080', 'f0808080', '61f09f8e']
  for (const hex of cases) {
    const bytes = [...Buffer.from(hex, 'hex')].map(byte => Buffer.from([byte]))
    await t.rejects(apply('text/plain', ...bytes), TransformError, hex)
    await t.rejects(apply('text/plain', ...bytes), { code: 'HEADGATE_TRANSFORM_REFUSED' }, hex)
  }
})

t.test('text in another charset becomes UTF-8 with the charset in its content type', async t => {
  const latin = await apply('text/plain; charset=ISO-8859-1', Buffer.from('stra\xdfe \xe9', 'latin1'))
  t.equal(latin.bytes.toString(), 'STRASSE É')
  t.equal(latin.contentType, 'text/plain;charset=utf-8')

  const japanese = await apply(
    'text/csv; header=present; charset="shift_jis"',
    Buffer.from([0x82]),
    Buffer.from([0x81]),
  )
  t.equal(japanese.bytes.toString(), 'Ａ')
  t.equal(japanese.contentType, 'text/csv;header=present;charset=utf-8')
})

t.test('UTF-16 is detected by its byte-order mark, even if the mark is split into two chunks', async t => {
  const little = Buffer.from('\ufeffa🎉ß', 'utf16le')
  const big = Buffer.from(little).swap16()
  for (const bytes of [little, big]) {
    for (let at = 0; at <= bytes.length; at++) {
      const { bytes: made } = await apply('text/plain; charset=utf-16', bytes.subarray(0, at), bytes.subarray(at))
      t.equal(made.toString(), 'A🎉SS')
    }
  }
  const unmarked = await apply('text/plain; charset=utf-16be', Buffer.from([0, 0x61]))
  t.equal(unmarked.bytes.toString(), 'A')
})

t.test('US-ASCII is decoded as UTF-8, and an unknown charset is refused', async t => {
  t.equal((await apply('text/plain; charset=US-ASCII', Buffer.from('é'))).bytes.toString(), 'É')
  await t.rejects(apply('text/plain; charset=klingon', Buffer.from('a')), {
    code: 'HEADGATE_TRANSFORM_REFUSED',
    message: /"klingon"/,
  })
})

t.test('the output has a text type with a charset, for any content type of the input', async t => {
  t.equal((await apply('text/markdown', Buffer.from('a'))).contentType, 'text/markdown;charset=utf-8')
  t.equal((await apply('application/octet-stream', Buffer.from('a'))).contentType, 'text/plain;charset=utf-8')
  t.equal((await apply('nonsense', Buffer.from('a'))).contentType, 'text/plain;charset=utf-8')
})
