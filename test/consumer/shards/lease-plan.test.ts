import t from 'tap'
import { FROM_TRIM_HORIZON, firstPlace, laterPlace } from '../../../services/consumer/shards/initial-position.ts'
import {
  childLease,
  lineageOf,
  newestStartOf,
  planChanges,
  planLeases,
  workableLeases,
} from '../../../services/consumer/shards/lease-plan.ts'
import type { Shard } from '../../../services/consumer/shards/shard.ts'
import { at, leaseWith } from '../leases/support.ts'

const shard = (shardId: string, parents: string[] = [], closed = false): Shard => ({
  shardId,
  parentShardIds: parents,
  startingHashKey: '0',
  endingHashKey: '9',
  startingSequenceNumber: `start of ${shardId}`,
  closed,
})
const NOW = 1_700_000_000_000
const latest = firstPlace('LATEST', NOW)
const timestamp = firstPlace({ timestamp: new Date(NOW) }, 0)

// 1 was split into 2 and 3; 3 and 4 were merged into 5.
const family = [
  shard('1', [], true),
  shard('2', ['1']),
  shard('3', ['1'], true),
  shard('4', [], true),
  shard('5', ['3', '4']),
]
/** A stream that lists these shards without their parents. */
const listing = (shardIds: string[]) => new Map(shardIds.map(shardId => [shardId, [] as string[]]))
const keys = (leases: ReadonlyArray<{ leaseKey: string }>) => leases.map(lease => lease.leaseKey).sort()

t.test('an application that starts at TRIM_HORIZON gets a lease for every listed shard', async t => {
  const plan = planLeases({ shards: family, leases: [], place: FROM_TRIM_HORIZON })
  t.same(keys(plan), ['1', '2', '3', '4', '5'])
  t.ok(plan.every(lease => lease.checkpoint.sequenceNumber === 'TRIM_HORIZON'))
  t.same(plan.find(lease => lease.leaseKey === '5')?.parentShardIds, ['3', '4'])
})

t.test('an application that starts at LATEST gets the open shards, from one fixed time', async t => {
  const plan = planLeases({ shards: family, leases: [], place: latest })
  t.same(keys(plan), ['2', '5'])
  t.ok(plan.every(lease => lease.checkpoint.sequenceNumber === 'LATEST' && lease.startAt === NOW))
})

t.test(
  'an application that starts at a timestamp also gets the closed shards, which may have later records',
  async t => {
    const plan = planLeases({ shards: family, leases: [], place: timestamp })
    t.same(keys(plan), ['1', '2', '3', '4', '5'])
    t.ok(plan.every(lease => lease.checkpoint.sequenceNumber === 'AT_TIMESTAMP' && lease.startAt === NOW))
    t.same(keys(workableLeases(plan, lineageOf(family))), ['1', '4'], 'the children wait for their parents')
  },
)

t.test('a child shard, or a shard whose row was lost, starts where the application did', async t => {
  const leases = [leaseWith({ leaseKey: '1', checkpoint: at('100'), startAt: NOW })]
  const plan = planLeases({ shards: family, leases, place: laterPlace(leases) })
  t.same(keys(plan), ['2', '3', '4', '5'], 'a closed one too: it may have been closed since')
  t.ok(plan.every(lease => lease.checkpoint.sequenceNumber === 'TRIM_HORIZON' && lease.startAt === NOW))
})

t.test('shards that were closed when the application started at LATEST are never read', async t => {
  const leases = planLeases({ shards: family, leases: [], place: latest })
  t.same(planLeases({ shards: family, leases, place: laterPlace(leases) }), [])
  t.same(keys(workableLeases(leases, lineageOf(family))), ['2', '5'])
})

t.test('a shard that starts at LATEST waits for a parent that another worker started there too', async t => {
  const child = leaseWith({ leaseKey: '2', checkpoint: at('LATEST'), startAt: NOW, parentShardIds: ['1'] })
  const parent = leaseWith({ leaseKey: '1', checkpoint: at('LATEST'), startAt: NOW - 1 })
  t.same(keys(workableLeases([parent, child], lineageOf(family))), ['1'])
})

t.test('the lease of a child starts where the application did', async t => {
  const child = childLease(shard('2', ['1']), { startAt: NOW })
  t.match(child, { checkpoint: at('TRIM_HORIZON'), startAt: NOW, parentShardIds: ['1'] })
})

t.test('an ancestor of a started shard is not read again', async t => {
  const leases = [leaseWith({ leaseKey: '2', checkpoint: at('7') }), leaseWith({ leaseKey: '5', checkpoint: at('8') })]
  t.same(planLeases({ shards: family, leases, place: FROM_TRIM_HORIZON }), [])
})

t.test('a parent whose row was deleted before its children started gets a new row', async t => {
  const leases = [
    leaseWith({ leaseKey: '2', parentShardIds: ['1'] }),
    leaseWith({ leaseKey: '3', parentShardIds: ['1'] }),
  ]
  const shards = family.slice(0, 3)
  t.same(workableLeases(leases, listing(['1', '2', '3'])), [], 'the children wait for it')
  const plan = planLeases({ shards, leases, place: laterPlace(leases) })
  t.same(keys(plan), ['1'])
  t.same(plan[0]?.checkpoint, at('TRIM_HORIZON'))
})

t.test('a trimmed shard does not wait for a trimmed parent, because its descendants are listed', async t => {
  const gone = leaseWith({ leaseKey: '2', parentShardIds: ['1'] })
  const child = leaseWith({ leaseKey: '3', parentShardIds: ['2'] })
  t.same(keys(workableLeases([gone, child], lineageOf([shard('3', ['2'])]))), ['2'])
  t.same(keys(workableLeases([gone], lineageOf([]))), [], 'a list that may be older than it proves nothing')
})

t.test('a trimmed shard does not wait for a trimmed parent, also if its children are trimmed as well', async t => {
  // 2 is a child of 1. Its children are trimmed, so the shards below them do not lead back to it.
  const gone = leaseWith({ leaseKey: '2', parentShardIds: ['1'], shardStart: '999' })
  const listed = (start: string) => [{ ...shard('4', ['3']), startingSequenceNumber: start }]
  const workable = (shards: Shard[]) => keys(workableLeases([gone], lineageOf(shards), newestStartOf(shards)))
  t.same(workable(listed('1000')), ['2'], 'the list has a later shard, so it is newer than 2 and than 1')
  t.same(workable(listed('998')), [], 'the list may be older than 2')
  t.same(workable([...listed('1000'), { ...shard('1'), startingSequenceNumber: '1' }]), [], 'the parent is listed')
  t.equal(newestStartOf([...listed('1000'), ...listed('999')]), '1000')
  t.equal(newestStartOf([]), undefined)
})

t.test('no lease is planned for a complete table', async t => {
  const leases = family.map(({ shardId }) => leaseWith({ leaseKey: shardId }))
  t.same(planLeases({ shards: family, leases, place: FROM_TRIM_HORIZON }), [])
})

t.test('a child can be processed once all its parents have ended', async t => {
  const child = leaseWith({ leaseKey: '5', parentShardIds: ['3', '4'] })
  const ended = (leaseKey: string) => leaseWith({ leaseKey, checkpoint: at('SHARD_END') })
  const open = leaseWith({ leaseKey: '4', checkpoint: at('99') })
  const listed = listing(['3', '4', '5'])
  t.same(keys(workableLeases([ended('3'), open, child], listed)), ['4'])
  t.same(keys(workableLeases([ended('3'), ended('4'), child], listed)), ['5'])
})

t.test('a child does not wait for a parent that is neither in the table nor in the stream', async t => {
  const child = leaseWith({ leaseKey: '2', parentShardIds: ['1'] })
  t.same(keys(workableLeases([child], listing(['2']))), ['2'])
  t.same(keys(workableLeases([child], listing(['1', '2']))), [])
})

t.test('a lease without a shard start gets one, and nothing else changes', async t => {
  const lease = leaseWith({ leaseKey: '1', leaseOwner: 'me', leaseCounter: 9, checkpoint: at('100') })
  const [change] = planChanges([shard('1')], [lease])
  t.same(change?.next, { ...lease, shardStart: 'start of 1' })
  t.same(planChanges([shard('1')], [{ ...lease, shardStart: 'start of 1' }]), [])
})

t.test('a lease with a different shard start belongs to a deleted stream and restarts', async t => {
  const lease = leaseWith({
    leaseKey: '1',
    leaseOwner: 'me',
    leaseCounter: 9,
    checkpoint: at('SHARD_END'),
    childShardIds: ['2'],
    shardStart: 'another',
  })
  const [change] = planChanges([shard('1')], [lease])
  t.match(change?.next, {
    leaseCounter: 10,
    leaseOwner: undefined,
    checkpoint: at('TRIM_HORIZON'),
    childShardIds: [],
    shardStart: 'start of 1',
  })
})

t.test(
  'a shard whose row was deleted does not wait for a parent that was cleaned up with all but its grandchildren',
  async t => {
    // 1 was split into 2 and 3, and 3 into 6: all have ended and are cleaned up but 2, whose row somebody deleted, and 6.
    const shards = [shard('1', [], true), shard('2', ['1']), shard('3', ['1'], true), shard('6', ['3'])]
    const begun = leaseWith({ leaseKey: '6', checkpoint: at('9'), parentShardIds: ['3'] })
    const [again, ...others] = planLeases({ shards, leases: [begun], place: FROM_TRIM_HORIZON })
    if (!again) throw new Error('no lease was planned')
    t.same(others, [])
    t.same(keys(workableLeases([again, begun], lineageOf(shards))), ['2', '6'])
  },
)
