import t from 'tap'
import { tipOf } from '../../../services/consumer/shards/tip.ts'
import type { ShardPosition } from '../../../services/consumer/stream.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const STREAM_NOW = 1_700_000_000_000

/** A shard that rejects timestamps in its future, like Kinesis. */
function shardAsked() {
  const asked: number[] = []
  const stream = {
    async getIterator(_shardId: string, position: ShardPosition): Promise<string> {
      const at = position.type === 'AT_TIMESTAMP' ? position.at.getTime() : Number.NaN
      asked.push(at)
      if (at <= STREAM_NOW) return 'an iterator'
      throw Object.assign(new Error('greater than the current time'), { name: 'InvalidArgumentException' })
    },
  }
  const clock = new FakeClock({ skipsSleep: true })
  const tip = (ahead: number) => tipOf('shard-1', { stream, clock, wallClock: () => STREAM_NOW + ahead })
  return { asked, tip, stream, clock }
}

t.test('the tip is the wall clock if that is right or behind', async t => {
  const { asked, tip } = shardAsked()
  t.equal(await tip(0), STREAM_NOW)
  t.equal(await tip(-60_000), STREAM_NOW - 60_000)
  t.equal(asked.length, 2)
})

t.test('with a wall clock that is ahead, the tip is slightly in the past of the stream', async t => {
  for (const ahead of [1, 999, 5_000, 3_600_000]) {
    const { tip, asked } = shardAsked()
    const found = await tip(ahead)
    t.ok(found <= STREAM_NOW && found >= STREAM_NOW - Math.max(1_000, 3 * ahead), `${ahead} ms ahead`)
    t.ok(asked.length <= 8)
  }
})

t.test('an unrelated error of the call is thrown', async t => {
  const { clock } = shardAsked()
  const stream = { getIterator: () => Promise.reject(new Error('socket hang up')) }
  await t.rejects(tipOf('shard-1', { stream, clock, wallClock: () => STREAM_NOW }), /hang up/)
})

t.test('an endpoint that rejects every timestamp throws an error', async t => {
  const { clock } = shardAsked()
  const refusal = Object.assign(new Error('no'), { name: 'InvalidArgumentException' })
  const stream = { getIterator: () => Promise.reject(refusal) }
  await t.rejects(tipOf('shard-1', { stream, clock, wallClock: () => STREAM_NOW }), { code: 'CONSUMER_STREAM_REPLY' })
})
