import t from 'tap'
import { lagOf } from '../../../services/consumer/admin/shard-lag.ts'
import { SHARD_END, TRIM_HORIZON } from '../../../services/consumer/checkpoint.ts'
import { type Lease, newLease } from '../../../services/consumer/leases/lease.ts'
import { awsError, fakeStream, page, record } from './fake-stream.ts'

const lease = (checkpoint: Lease['checkpoint'] = { sequenceNumber: '5', subSequenceNumber: 0 }) =>
  newLease({
    ...{ leaseKey: 's', checkpoint, parentShardIds: [], startAt: undefined, shardStart: undefined },
    ...{ startingHashKey: undefined, endingHashKey: undefined },
  })

t.test('lagOf returns the arrival times of the record at the checkpoint and of the next one', async t => {
  const { positions, ...ports } = fakeStream([page([record('5', 50), record('6', 60)], 0)])
  t.match(await lagOf(lease(), ports), {
    doneUpTo: new Date(50_000),
    oldestWaiting: new Date(60_000),
    isTrimmed: false,
  })
  t.match(positions, [{ type: 'AT_SEQUENCE_NUMBER', sequenceNumber: '5' }])
})

t.test('lagOf reads past empty replies until it reaches the tip', async t => {
  const ports = fakeStream([page([record('5', 50)], 9_000), page([], 5_000), page([record('8', 80)], 0)])
  t.match(await lagOf(lease(), ports), { doneUpTo: new Date(50_000), oldestWaiting: new Date(80_000) })
  t.equal(ports.slept(), 500, 'no faster than Kinesis allows')
  const tip = fakeStream([page([record('5', 50)], 0)])
  t.match(await lagOf(lease(), tip), { oldestWaiting: undefined, millisBehindLatest: 0 })
  const never = fakeStream([page([], 1_000)])
  t.match(await lagOf(lease(TRIM_HORIZON), never), { oldestWaiting: undefined, millisBehindLatest: 1_000 })
})

t.test('lagOf reports a trimmed checkpoint and a shard that is no longer in the stream', async t => {
  const { positions, ...trimmed } = fakeStream([awsError('InvalidArgumentException'), page([record('9', 90)], 0)])
  t.match(await lagOf(lease(), trimmed), { doneUpTo: undefined, oldestWaiting: new Date(90_000), isTrimmed: true })
  t.match(positions[1], { type: 'TRIM_HORIZON' })
  const gone = fakeStream([awsError('ResourceNotFoundException')])
  t.match(await lagOf(lease(), gone), { doneUpTo: undefined, oldestWaiting: undefined, isTrimmed: true })
  await t.rejects(lagOf(lease(), fakeStream([awsError('AccessDeniedException')])), { name: 'AccessDeniedException' })
})

t.test('lagOf makes no call for a shard that has ended', async t => {
  const { positions, ...ports } = fakeStream([])
  t.match(await lagOf(lease(SHARD_END), ports), { oldestWaiting: undefined, millisBehindLatest: 0, isTrimmed: false })
  t.strictSame(positions, [])
})
