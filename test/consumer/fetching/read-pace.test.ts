import t from 'tap'
import {
  expectedRecordBytes,
  narrow,
  nextFetchDelay,
  recordLimit,
  repeatDelay,
  widen,
} from '../../../services/consumer/fetching/read-pace.ts'

const IDLE = { bytes: 0, millisBehindLatest: 0, spacingMs: 0, idleIntervalMs: 250 }
const middle = () => 0.5

t.test(
  'a shard without new records is read at the idle interval, and one with records five times a second',
  async t => {
    t.equal(nextFetchDelay(IDLE, middle), 250)
    t.equal(nextFetchDelay({ ...IDLE, bytes: 1_000 }, middle), 200)
    t.equal(nextFetchDelay({ ...IDLE, millisBehindLatest: 1 }, middle), 200)
  },
)

t.test('a large reply delays the next fetch by the time that Kinesis charges for it', async t => {
  t.equal(nextFetchDelay({ ...IDLE, bytes: 10 * 1024 ** 2 }, middle), 5_000)
})

t.test('the spacing is kept with a variation of a tenth, unless the shard is read less often anyway', async t => {
  const state = { ...IDLE, spacingMs: 400 }
  t.same(
    [0, 0.5, 1].map(value => Math.round(nextFetchDelay(state, () => value))),
    [360, 400, 440],
  )
  t.equal(nextFetchDelay({ ...state, idleIntervalMs: 1_000 }, middle), 1_000)
})

t.test(
  'a throttled call is repeated after 50 to 150 ms, and after at most 1.2 s while Kinesis throttles all calls',
  async t => {
    t.same(
      [0, 1].map(value => repeatDelay(1, () => value)),
      [50, 150],
    )
    t.same(
      [4, 5, 6, 100].map(calls => repeatDelay(calls, middle)),
      [100, 200, 400, 800],
    )
  },
)

t.test('the spacing grows by steps up to a maximum, and shrinks by a part of itself', async t => {
  t.equal(widen(0), 310)
  t.equal(widen(310), 370)
  t.equal(widen(1_990), 2_000)
  t.equal(narrow(400), 396)
  t.equal(narrow(150), 0)
})

t.test('as many records are asked for as fit into the reservation, and at least one', async t => {
  t.equal(recordLimit(800_000, 1_000, 10_000), 700)
  t.equal(recordLimit(800_000, 10, 10_000), 10_000)
  t.equal(recordLimit(1_000, 1_000_000, 10_000), 1)
})

t.test('the expected size of a record rises at once, and falls slowly', async t => {
  t.equal(expectedRecordBytes(undefined, 0, 0), undefined)
  t.equal(expectedRecordBytes(undefined, 10, 1_000), 100)
  t.equal(expectedRecordBytes(100, 10, 9_000), 900)
  t.equal(expectedRecordBytes(900, 10, 1_000), 500)
  t.equal(expectedRecordBytes(900, 0, 0), 900)
})

interface Reader {
  readonly readAt: number[]
  at: number
  spacingMs: number
  throttled: number
}

/** Several readers of one shard that allows five calls a second. Returns the gaps between the reads of each. */
function readTogether(readers: number, seconds: number): { gaps: number[][]; throttled: number } {
  let seed = 1
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647
    return seed / 2_147_483_647
  }
  const all: Reader[] = Array.from({ length: readers }, () => ({
    readAt: [],
    at: random(),
    spacingMs: 0,
    throttled: 0,
  }))
  const calls: number[] = []
  let throttled = 0
  for (;;) {
    const reader = all.reduce((first, other) => (other.at < first.at ? other : first))
    const now = reader.at
    if (now > seconds * 1_000) break
    while ((calls[0] ?? now) <= now - 1_000) calls.shift()
    if (calls.length >= 5) {
      throttled++
      if (reader.throttled++ === 0) reader.spacingMs = widen(reader.spacingMs)
      reader.at = now + 5 + repeatDelay(reader.throttled, random)
      continue
    }
    calls.push(now)
    reader.readAt.push(now)
    reader.throttled = 0
    reader.spacingMs = narrow(reader.spacingMs)
    reader.at = now + nextFetchDelay({ ...IDLE, spacingMs: reader.spacingMs }, random)
  }
  const gaps = all.map(({ readAt }) => readAt.slice(1).map((at, index) => at - (readAt[index] ?? 0)))
  return { gaps, throttled }
}

t.test(
  'one, two, three and four readers of a shard all get their part, and few of their calls are throttled',
  async t => {
    for (const [readers, maxGap] of [
      [1, 251],
      [2, 1_000],
      [3, 2_000],
      [4, 2_000],
    ] as const) {
      const { gaps, throttled } = readTogether(readers, 600)
      for (const own of gaps) {
        const late = own.slice(50).sort((a, b) => a - b)
        const p99 = late[Math.floor(late.length * 0.99)] ?? Number.POSITIVE_INFINITY
        t.ok(p99 <= maxGap, `${readers} readers: ${Math.round(p99)} ms between two reads of one reader`)
      }
      t.ok(throttled / 600 <= 1, `${readers} readers: ${(throttled / 600).toFixed(2)} throttled calls a second`)
    }
  },
)
