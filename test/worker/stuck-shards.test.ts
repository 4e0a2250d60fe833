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
    /** Sets how the shard is, so much later. */
    after(ms: number, fields: Parameters<typeof shardStatus>[0]) {
      clock.advance(ms)
      consumer.shards = [shardStatus(fields)]
      return stuck.find()
    },
  }
}

t.test('a shard is stuck once its checkpoint has not moved for longer than the bound while records wait', async t => {
  const { after, stuck } = watch()
  t.strictSame(after(0, { pending: 5 }), [])
  t.strictSame(after(BOUND - 1, { pending: 9 }), [])
  t.match(after(1, { pending: 9 }), [
    { shardId: 'shardId-1', why: 'records wait and none is done', stalledMs: BOUND, isHung: false },
  ])
  t.equal(stuck.stalledMs('shardId-1'), BOUND)
  t.strictSame(after(1, { pending: 9, checkpoint: '2' }), [], 'it moves again')
  t.equal(stuck.stalledMs('shardId-1'), 0)
})

t.test('a shard that rests is not stuck, and what comes after a rest has its time', async t => {
  const { after } = watch()
  after(0, {})
  t.strictSame(after(10 * BOUND, { checkpointAgeMs: 10 * BOUND }), [])
  t.strictSame(after(1, { pending: 1, checkpointAgeMs: 10 * BOUND }), [])
  t.strictSame(after(BOUND - 2, { pending: 1 }), [])
  t.equal(after(2, { pending: 1 }).length, 1)
})

t.test('a shard of which Kinesis tells nothing is stuck too', async t => {
  const { after } = watch()
  t.strictSame(after(0, { fetchAgeMs: undefined }), [], 'it was just taken')
  t.strictSame(after(1, { fetchAgeMs: BOUND - 1 }), [])
  t.match(after(1, { fetchAgeMs: BOUND }), [{ why: 'the stream is not read', stalledMs: BOUND }])
  const never = watch()
  never.after(0, { fetchAgeMs: undefined })
  t.strictSame(never.after(BOUND - 1, { fetchAgeMs: undefined }), [])
  t.match(never.after(1, { fetchAgeMs: undefined }), [{ why: 'the stream is not read' }])
})

t.test('one whose handlers give no sign of life hangs in the end, and one whose tries fail does not', async t => {
  const silent = watch()
  silent.after(0, { pending: 1 })
  t.match(silent.after(HUNG_AFTER_BOUNDS * BOUND - 1, { pending: 1 }), [{ isHung: false }])
  t.match(silent.after(1, { pending: 1 }), [{ isHung: true }])

  const failing = watch()
  failing.after(0, { pending: 1 })
  failing.after(HUNG_AFTER_BOUNDS * BOUND - 1, { pending: 1 })
  const error = new Error('SlowDown')
  const failed = { shardId: 'shardId-1', sequenceNumber: '2', attempt: 9, retryInMs: 1, error }
  failing.consumer.events.emit('recordFailed', failed)
  t.match(failing.after(1, { pending: 1 }), [{ isHung: false, lastError: 'Error: SlowDown' }])
})

t.test('records that are held back as a dependency fails are no reason to restart', async t => {
  const { after, consumer } = watch()
  after(0, { pending: 1 })
  consumer.breaker = 'open'
  t.match(after(HUNG_AFTER_BOUNDS * BOUND, { pending: 1 }), [{ isHung: false }])
})

t.test('a shard that went to another worker and came back begins anew', async t => {
  const { after, consumer, stuck } = watch()
  after(0, { pending: 1 })
  consumer.shards = []
  t.strictSame(stuck.find(), [])
  t.strictSame(after(BOUND, { pending: 1 }), [])
})
