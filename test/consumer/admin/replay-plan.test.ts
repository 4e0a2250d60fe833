import t from 'tap'
import { type FirstRecord, planReplay } from '../../../services/consumer/admin/replay-plan.ts'
import { LATEST, SHARD_END, TRIM_HORIZON } from '../../../services/consumer/checkpoint.ts'
import { type Lease, newLease } from '../../../services/consumer/leases/lease.ts'
import type { Shard } from '../../../services/consumer/shards/shard.ts'

const AT = 1_000_000

const shard = (shardId: string, parentShardIds: string[] = [], closed = false): Shard => ({
  ...{ shardId, parentShardIds, closed },
  startingHashKey: '0',
  endingHashKey: '9',
  startingSequenceNumber: '1',
})
const lease = (leaseKey: string, checkpoint: string | Lease['checkpoint'], fields: Partial<Lease> = {}): Lease => ({
  ...newLease({
    ...{ leaseKey, parentShardIds: [], startingHashKey: '0', endingHashKey: '9', startAt: undefined, shardStart: '1' },
    checkpoint: typeof checkpoint === 'string' ? { sequenceNumber: checkpoint, subSequenceNumber: 0 } : checkpoint,
  }),
  ...fields,
})
const record = (sequenceNumber: string): FirstRecord => ({ sequenceNumber, arrivedAt: new Date(AT) })

function planned(shards: Shard[], leases: Lease[], firsts: Record<string, FirstRecord | 'none' | 'unknown'>) {
  const plans = planReplay({ at: AT, shards, leases, firsts: new Map(Object.entries(firsts)) })
  return plans.map(plan => `${plan.shardId}: ${plan.change === 'none' ? plan.why : plan.change}`)
}

t.test(
  'a replay moves a shard back only if its checkpoint is past the first record, and never moves it forward',
  async t => {
    const one = (checkpoint: string | Lease['checkpoint'], first: FirstRecord | 'none' | 'unknown', fields = {}) =>
      planned([shard('a')], [lease('a', checkpoint, fields)], { a: first })[0]?.slice(3)
    t.equal(one('100', record('99')), 'move')
    t.equal(one('100', record('100')), 'move', 'the very record is to be handled again')
    t.equal(one('100', record('101')), 'not read that far yet')
    t.equal(one('99', record('100')), 'not read that far yet', 'by number, not by letter')
    t.equal(one('100', 'none'), 'nothing came since')
    t.equal(one('100', 'unknown'), 'move', 'more than is needed, and never less')
  },
)

t.test('a replay moves an unstarted shard only if it would start later', async t => {
  const one = (checkpoint: Lease['checkpoint'], startAt?: number) =>
    planned([shard('a')], [lease('a', checkpoint, { startAt })], { a: record('5') })[0]?.slice(3)
  t.equal(one(TRIM_HORIZON), 'not read that far yet')
  t.equal(one(TRIM_HORIZON, AT), 'not read that far yet', 'it has been put back already')
  t.equal(one(LATEST, AT + 1), 'move')
})

t.test('a replay includes ended shards, also those without a lease, before their children', async t => {
  const shards = [shard('c', ['a']), shard('a', [], true), shard('b', ['a'], true)]
  const firsts = { a: record('5'), b: record('6'), c: record('7') }
  const leases = [lease('c', '100', { parentShardIds: ['a'] }), lease('b', SHARD_END, { parentShardIds: ['a'] })]
  t.strictSame(planned(shards, leases, firsts), ['a: create', 'b: move', 'c: move'])
})

t.test('a replay leaves a new shard without a lease to the workers', async t => {
  t.strictSame(planned([shard('a'), shard('b')], [lease('a', '100')], { a: record('5'), b: record('6') }), [
    'a: move',
    'b: not read that far yet',
  ])
})

t.test('a replay ignores shards that were not requested', async t => {
  t.strictSame(planned([shard('a'), shard('b')], [lease('a', '9'), lease('b', '9')], { b: record('5') }), ['b: move'])
})
