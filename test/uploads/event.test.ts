import t from 'tap'
import { InvalidEventError } from '../../services/uploads/errors.ts'
import { decodeEvent } from '../../services/uploads/events/decode-event.ts'
import { EVENT_VERSION, encodeEvent, isUploadEvent } from '../../services/uploads/events/event.ts'
import { eventOf } from '../../services/uploads/records/record.ts'
import { seededRandom, uploadRecord } from './examples.ts'

const event = eventOf(uploadRecord({ filename: 'Grüße 👩‍👩‍👧‍👦.txt' }))
const { bucket, key } = event

function decode(value: unknown) {
  return decodeEvent(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))
}

t.test('an encoded event is decoded to the same event of an upload', async t => {
  const decoded = decodeEvent(encodeEvent(event))
  t.strictSame(decoded, event)
  t.ok(isUploadEvent(decoded))
})

t.test('an event with the longest values that the api allows is decoded', async t => {
  const longest = {
    filename: 'x'.repeat(900),
    contentType: `text/${'x'.repeat(250)}`,
    requestId: 'r'.repeat(128),
    size: 5e12,
  }
  t.strictSame(decodeEvent(encodeEvent({ ...event, ...longest, key: 'k'.repeat(1_024) })).key.length, 1_024)
})

t.test('a bare event is decoded to its bucket and key only', async t => {
  const bare: unknown[] = [
    { bucket, key },
    { bucket, key, uploadedAt: 'yesterday', size: 'large', userSub: 7 },
    { key, bucket, constructor: 1, nested: [[[]]] },
    `\ufeff{"bucket":"${bucket}","key":"${key}"}`,
    `\n {"__proto__":{"version":1},"bucket":"${bucket}","key":"${key}"}`,
  ]
  for (const value of bare) {
    const decoded = decode(value)
    t.strictSame(decoded, { bucket, key }, JSON.stringify(value))
    t.notOk(isUploadEvent(decoded))
  }
})

const notJson = /^The event is not JSON\.$/
const noObject = /^The event is not a JSON object\.$/
const noNames = /names no object/
const notMatching = /does not match version 1/

const invalid: Array<[RegExp, unknown[]]> = [
  [notJson, ['', ' ', 'hello', '{', '{"bucket":', "{'bucket':'b'}", 'NaN', '\u0000', '{"bucket":"abc","key":"k"}x']],
  [noObject, ['null', '1', '"text"', 'true']],
  [noNames, [[], {}, { bucket }, { key }, { bucket: 'ab', key }, { bucket: 'b'.repeat(64), key }, { bucket, key: '' }]],
  [
    noNames,
    [
      { bucket, key: 1 },
      { bucket: null, key },
      { bucket, key: ['k'] },
      { bucket, key: 'k'.repeat(1_025) },
    ],
  ],
  [notMatching, [{ bucket, key, version: 1 }]],
  [
    notMatching,
    [
      { ...event, size: -1 },
      { ...event, size: 1.5 },
      { ...event, size: '5' },
      { ...event, key: '' },
    ],
  ],
  [
    notMatching,
    [
      { ...event, sha256: 'A'.repeat(64) },
      { ...event, sha256: 'a'.repeat(63) },
      { ...event, announcedSha256: 'A'.repeat(64) },
      { ...event, userSub: '' },
    ],
  ],
  [
    notMatching,
    Object.keys(event)
      .filter(it => it !== 'version' && it !== 'sha256')
      .map(name => ({ ...event, [name]: undefined })),
  ],
]

t.test('an invalid event is rejected with the reason', async t => {
  for (const [message, values] of invalid) {
    for (const value of values) {
      t.throws(
        () => decode(value),
        { name: 'InvalidEventError', code: 'HEADGATE_INVALID_EVENT', message },
        JSON.stringify(value),
      )
    }
  }
  t.throws(
    () => decodeEvent(Uint8Array.of(0x22, 0xff, 0x22)),
    { message: notJson, cause: { name: 'TypeError' } },
    'not UTF-8',
  )
  t.throws(() => decodeEvent(new Uint8Array()), { message: notJson, cause: { name: 'SyntaxError' } })
})

t.test('an event of an unknown version is rejected with its version', async t => {
  const versions: Array<[unknown, string]> = [
    [2, '2'],
    ['1', '"1"'],
    [null, 'null'],
    [true, 'true'],
    [{ major: 1 }, '{…}'],
    [[1], '[…]'],
    ['v'.repeat(100), `"${'v'.repeat(39)}…`],
  ]
  for (const [version, shown] of versions) {
    const message = `The event has the version ${shown}, but only version 1 is supported.`
    for (const value of [{ ...event, version }, { bucket, key, version }, { version }]) {
      t.throws(() => decode(value), { name: 'InvalidEventError', message }, JSON.stringify(value))
    }
  }
  const deep = `{"version":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  t.throws(() => decode(deep), { name: 'InvalidEventError' }, 'deeply nested')
})

t.test('the error of an invalid event names the invalid property', async t => {
  t.throws(() => decode({ ...event, size: -1 }), { message: /\/size/ })
  t.throws(() => decode({ ...event, sha256: 'x' }), { message: /\/sha256/ })
})

t.test('random JSON and random bytes cause no other error than InvalidEventError', async t => {
  const random = seededRandom(20_261)
  const pick = <T>(values: readonly [T, ...T[]]): T => values[Math.floor(random() * values.length)] ?? values[0]
  const scalar = () =>
    pick<unknown>([null, true, 0, -1, 1e308, 1, 1.5, '', 'abc', '\ud800', '\u0000', 'x'.repeat(2_000), EVENT_VERSION])
  const names: [string, ...string[]] = ['__proto__', 'constructor', 'toString', '', ...Object.keys(event)]
  const value = (depth: number): unknown => {
    const kind = random()
    if (depth === 0 || kind < 0.3) return scalar()
    const size = Math.floor(random() * 6)
    if (kind < 0.45) return Array.from({ length: size }, () => value(depth - 1))
    const base = kind < 0.75 ? { ...event } : {}
    // Like JSON.parse, defines an own property even for the name __proto__.
    for (let n = 0; n < size; n++) {
      Object.defineProperty(base, pick(names), {
        value: value(depth - 1),
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
    return base
  }
  const inputs = [
    ...Array.from({ length: 5_000 }, () => Buffer.from(JSON.stringify(value(3)))),
    ...Array.from({ length: 2_000 }, () => mutated(encodeEvent(event), random)),
    Buffer.from('['.repeat(100_000) + ']'.repeat(100_000)),
    Buffer.from(`${'{"version":'.repeat(5_000)}1${'}'.repeat(5_000)}`),
  ]
  const outcomes = { taken: 0, refused: 0 }
  for (const input of inputs) {
    try {
      const decoded = decodeEvent(input)
      if (typeof decoded.bucket !== 'string' || typeof decoded.key !== 'string') t.fail(input.toString())
      outcomes.taken++
    } catch (error) {
      if (!(error instanceof InvalidEventError)) t.fail(`${error} of ${input.toString().slice(0, 200)}`)
      outcomes.refused++
    }
  }
  t.ok(outcomes.taken > 100 && outcomes.refused > 1_000, JSON.stringify(outcomes))
})

/** Returns a copy of the bytes with one byte changed. */
function mutated(bytes: Uint8Array, random: () => number): Buffer {
  const copy = Buffer.from(bytes)
  copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256)
  return copy
}
