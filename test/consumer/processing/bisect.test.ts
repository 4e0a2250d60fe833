import t from 'tap'
import { BatchFailure } from '../../../services/consumer/processing/batch-failure.ts'
import { halves, judgeBatch } from '../../../services/consumer/processing/bisect.ts'
import { laneOf } from '../../../services/consumer/processing/lane-of.ts'
import { recordOf } from './support.ts'

const records = [1, 2, 3].map(number => recordOf(number))
const aggregate = [0, 1, 2].map(subSequenceNumber => recordOf(9, 'a', { subSequenceNumber }))
const places = (verdict: ReturnType<typeof judgeBatch>) =>
  verdict.kind === 'some failed' ? verdict.failed.map(({ index }) => index) : verdict.kind

t.test('a BatchFailure names failed records in any order, by sequence number or as records', async t => {
  t.same(places(judgeBatch(records, new BatchFailure(['3', '1']))), [0, 2])
  t.same(places(judgeBatch(records, new BatchFailure(records.slice(1, 2)))), [1])
})

t.test('each record fails with its own error, or with that of the batch', async t => {
  const own = new Error('its own')
  const failure = new BatchFailure([{ sequenceNumber: '1', error: own }, '2'])
  t.match(judgeBatch(records, failure), {
    failed: [
      { index: 0, error: own },
      { index: 1, error: failure },
    ],
  })
})

t.test('a sequence number names a whole aggregate, and with a sub-sequence number one record of it', async t => {
  t.same(places(judgeBatch(aggregate, new BatchFailure(['9']))), [0, 1, 2])
  t.same(places(judgeBatch(aggregate, new BatchFailure([{ sequenceNumber: '9', subSequenceNumber: 1 }]))), [1])
})

t.test('a BatchFailure that names no or unknown records fails all records', async t => {
  t.same(places(judgeBatch(records, new Error('x'))), 'all failed')
  t.same(places(judgeBatch(records, new BatchFailure([]))), 'all failed')
  t.same(places(judgeBatch(records, new BatchFailure(['1', '4']))), 'all failed', 'a record that is not in the batch')
  t.same(places(judgeBatch(aggregate, new BatchFailure([{ sequenceNumber: '9', subSequenceNumber: 3 }]))), 'all failed')
})

t.test('halves are in order and neither is empty', async t => {
  t.same(halves([1, 2]), [[1], [2]])
  t.same(halves([1, 2, 3]), [[1, 2], [3]])
})

t.test('a key always has the same lane, and keys are distributed over all lanes', async t => {
  const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`)
  const counts = new Array<number>(8).fill(0)
  for (const key of keys) {
    const lane = laneOf(key, 8)
    t.equal(lane, laneOf(key, 8))
    counts[lane] = (counts[lane] ?? 0) + 1
  }
  t.ok(Math.min(...counts) > 60 && Math.max(...counts) < 200, `evenly: ${counts}`)
})
