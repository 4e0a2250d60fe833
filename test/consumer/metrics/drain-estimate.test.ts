import t from 'tap'
import { type DrainInput, timeToDrainMs } from '../../../services/consumer/metrics/drain-estimate.ts'
import { Rate, ShardPace } from '../../../services/consumer/metrics/shard-pace.ts'

const atTip: DrainInput = { pending: 0, recordsPerSecond: 100, millisBehindLatest: 0, speed: 1 }
const table: ReadonlyArray<[string, Partial<DrainInput>, number | undefined]> = [
  ['a shard with nothing left', {}, 0],
  ['a shard with nothing left that was never fast', { recordsPerSecond: undefined, speed: undefined }, 0],
  ['records in memory', { pending: 500 }, 5_000],
  ['records in memory behind handlers that do none', { pending: 1, recordsPerSecond: 0 }, Number.POSITIVE_INFINITY],
  ['a shard behind that reads three times as fast as time', { millisBehindLatest: 60_000, speed: 3 }, 30_000],
  ['a shard behind that only keeps up', { millisBehindLatest: 60_000, speed: 1 }, Number.POSITIVE_INFINITY],
  ['a shard that falls behind', { millisBehindLatest: 60_000, speed: 0.5 }, Number.POSITIVE_INFINITY],
  ['both, of which the longer counts', { pending: 500, millisBehindLatest: 1_000, speed: 2 }, 5_000],
  ['both, the other way round', { pending: 500, millisBehindLatest: 9_000, speed: 2 }, 9_000],
  ['a shard before its first fetch', { millisBehindLatest: undefined }, undefined],
  ['a shard behind before its second', { millisBehindLatest: 5, speed: undefined }, undefined],
  ['records before their second look', { pending: 5, recordsPerSecond: undefined }, undefined],
]

for (const [name, input, expected] of table) {
  t.test(`${name}: ${expected === undefined ? 'unknown' : `${expected} ms`}`, async t => {
    t.equal(timeToDrainMs({ ...atTip, ...input }), expected)
  })
}

t.test('a rate follows recent growth, regardless of how often it is observed', async t => {
  const [often, seldom] = [new Rate(), new Rate()]
  t.equal(often.perMs, undefined)
  for (let at = 0; at <= 600_000; at += 100) {
    const total = at < 300_000 ? at : 300_000 + (at - 300_000) * 5
    often.observe(total, at)
    if (at % 10_000 === 0) seldom.observe(total, at)
  }
  for (const rate of [often, seldom]) t.ok(Math.abs((rate.perMs ?? 0) - 5) < 0.01, `${rate.perMs}`)
  const before = often.perMs
  often.observe(1e12, 600_000)
  t.equal(often.perMs, before, 'a second look at the same time is none')
})

t.test('a shard that catches up has an estimated time to drain', async t => {
  const pace = new ShardPace()
  // An hour behind, reading four times as fast as time passes.
  for (let now = 0; now <= 60_000; now += 1_000) {
    pace.observe({ done: now / 10, millisBehindLatest: 3_600_000 - 3 * now }, now)
  }
  t.equal(pace.millisBehindLatest, 3_420_000)
  t.ok(Math.abs((pace.recordsPerSecond ?? 0) - 100) < 1e-6)
  t.ok(Math.abs((pace.timeToDrainMs(0) ?? 0) - 1_140_000) < 1, `${pace.timeToDrainMs(0)}`)
})
