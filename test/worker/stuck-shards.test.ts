import t from 'tap'
import { createStuckShards, HUNG_AFTER_BOUNDS } from '../../services/worker/health/stuck-shards.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { consumerDouble, shardStatus } from './consumer-double.ts'

const BOUND = 1_000

function watch() {
  const consumer = consumerDouble()
  const clock = new FakeClock()
  const stuck = createStuckShards({ consumer, boundMs: BOUND, now: clock.now })
  return {
    consumer,
    stuck,
    /** Advances the clock, sets the status of the shard, and returns the stuck shards. */
    after(ms: number, fields: Parameters<typeof shardStatus>[0]) {
      clock.advance(ms)
      consumer.shards = [shardStatus(fields)]
      return stuck.find()
    },
  }
}

t.test('a shard is stuck if records wait and its checkpoint has not moved for the maximum time', async t => {
  const { after, stuck } = watch()
  t.strictSame(after(0, { pending: 5 }), [])
  t.strictSame(after(BOUND - 1, { pending: 9 }), [])
  t.match(after(1, { pending: 9 }), [
    { shardId: 'shardId-1', why: 'records wait and none is done', stalledMs: BOUND, isHung: false },
  ])
  t.equal(stuck.stalledMs('shardId-1'), BOUND)
  t.strictSame(after(1, { pending: 9, checkpoint: '2' }), [], 'the checkpoint moved')
  t.equal(stuck.stalledMs('shardId-1'), 0)
})

t.test('an idle shard is not stuck, and the time starts with the first waiting record', async t => {
  const { after } = watch()
  after(0, {})
  t.strictSame(after(10 * BOUND, { checkpointAgeMs: 10 * BOUND }), [])
  t.strictSame(after(1, { pending: 1, checkpointAgeMs: 10 * BOUND }), [])
  t.strictSame(after(BOUND - 2, { pending: 1 }), [])
  t.equal(after(2, { pending: 1 }).length, 1)
})

t.test('a shard that is not read from Kinesis for the maximum time is stuck', async t => {
  const { after } = watch()
  t.strictSame(after(0, { fetchAgeMs: undefined }), [], 'its lease was just taken')
  t.strictSame(after(1, { fetchAgeMs: BOUND - 1 }), [])
  t.match(after(1, { fetchAgeMs: BOUND }), [{ why: 'the stream is not read', stalledMs: BOUND }])
  const never = watch()
  never.after(0, { fetchAgeMs: undefined })
  t.strictSame(never.after(BOUND - 1, { fetchAgeMs: undefined }), [])
  t.match(never.after(1, { fetchAgeMs: undefined }), [{ why: 'the stream is not read' }])
})

t.test(
  'a shard whose handlers show no activity is hung after a longer time, and one whose attempts fail is not',
  async t => {
    const silent = watch()
    silent.after(0, { pending: 1 })
    t.match(silent.after(HUNG_AFTER_BOUNDS * BOUND - 1, { pending: 1 }), [{ isHung: false }])
    t.match(silent.after(1, { pending: 1 }), [{ isHung: true }])

    const failing = watch()
    failing.after(0, { pending: 1 })
    failing.after(HUNG_AFTER_BOUNDS * BOUND - 1, { pending: 1 })
    const error = new Error('SlowDown')
    const place = { shardId: 'shardId-1', sequenceNumber: '2' }
    const record = { ...place, data: Buffer.from('x'), partitionKey: 'k', subSequenceNumber: 0, arrivedAt: new Date() }
    const failed = { ...place, attempt: 9, retryInMs: 1, error, record }
    failing.consumer.events.emit('recordFailed', failed)
    t.match(failing.after(1, { pending: 1 }), [{ isHung: false, lastError: 'Error: SlowDown' }])
  },
)

t.test('a shard is not hung while the circuit breaker holds its records back', async t => {
  const { after, consumer } = watch()
  after(0, { pending: 1 })
  consumer.breaker = 'open'
  t.match(after(HUNG_AFTER_BOUNDS * BOUND, { pending: 1 }), [{ isHung: false }])
})

t.test('the time of a shard starts again after another worker had its lease', async t => {
  const { after, consumer, stuck } = watch()
  after(0, { pending: 1 })
  consumer.shards = []
  t.strictSame(stuck.find(), [])
  t.strictSame(after(BOUND, { pending: 1 }), [])
})

t.test('the shards of a paused worker are not stuck, and the time starts again after the pause', async t => {
  const { after, consumer, stuck } = watch()
  after(0, { pending: 5 })
  const pause = { scope: 'application', workerId: undefined, by: 'ann', reason: 'a test', at: new Date() } as const
  consumer.paused = pause
  const hungMs = HUNG_AFTER_BOUNDS * BOUND
  t.strictSame(after(hungMs, { pending: 5, fetchAgeMs: hungMs }), [])
  t.equal(stuck.stalledMs('shardId-1'), 0)
  consumer.paused = undefined
  consumer.events.emit('resumed', { by: 'ann', pausedForMs: hungMs })
  t.strictSame(after(BOUND - 1, { pending: 5, fetchAgeMs: hungMs }), [])
  t.match(after(1, { pending: 5 }), [{ stalledMs: BOUND, isHung: false }])
})
