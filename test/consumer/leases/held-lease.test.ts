import t from 'tap'
import { HeldLease } from '../../../services/consumer/leases/held-lease.ts'
import { type Lease, takeLease } from '../../../services/consumer/leases/lease.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { at, leaseWith, ModelLeaseStore } from './support.ts'

const FAILOVER_MS = 10_000

function holdLease() {
  const clock = new FakeClock()
  const store = new ModelLeaseStore()
  const lease = takeLease(leaseWith({ leaseKey: 'shard-1' }), 'me', 'session-1')
  store.rows.set(lease.leaseKey, lease)
  const held = new HeldLease({ lease, takenAt: clock.now(), store, clock, failoverMs: FAILOVER_MS })
  const row = () => store.rows.get('shard-1')
  return { clock, store, held, row }
}

t.test('a heartbeat with progress writes the checkpoint and renews the lease in one write', async t => {
  const { store, held, row } = holdLease()
  await held.heartbeat(at('100'))
  t.match(row(), { leaseOwner: 'me', leaseCounter: 2, checkpoint: at('100') })
  t.equal(store.writes.length, 1)
})

t.test('a heartbeat without progress only adds to the counter', async t => {
  const { held, row } = holdLease()
  await held.heartbeat(at('100'))
  await held.heartbeat(at('99'))
  t.match(row(), { leaseCounter: 3, checkpoint: at('100') }, 'a checkpoint never goes backward')
})

t.test('a write that arrived but whose reply was lost does not lose the lease', async t => {
  const { store, held, row } = holdLease()
  store.fates = ['loses its reply']
  await t.rejects(held.heartbeat(at('100')), /socket hang up/)
  t.ok(held.isValid())
  await held.heartbeat(at('200'))
  t.ok(held.isValid())
  t.match(row(), { leaseOwner: 'me', checkpoint: at('200') }, 'and the progress since then is written too')
})

t.test('a release whose reply was lost still counts as a release', async t => {
  const { store, held, row } = holdLease()
  store.fates = ['loses its reply']
  await t.rejects(held.release(at('100')), /socket hang up/)
  await held.release(at('100'))
  t.equal(held.lossReason, 'released')
  t.match(row(), { leaseOwner: undefined, checkpoint: at('100') })
})

t.test('a renewal that finds SHARD_END reports the end of the shard, and not another worker', async t => {
  for (const [part, reason] of [
    [(held: HeldLease) => held.end(['shard-2']), 'shard ended'],
    [(held: HeldLease) => held.release(at('100')), 'released'],
  ] as const) {
    for (const isAfterFailedRenewal of [false, true]) {
      const { store, held } = holdLease()
      if (isAfterFailedRenewal) {
        store.fates = ['fails']
        await t.rejects(held.heartbeat(at('100')), /refused/)
      }
      store.fates = ['loses its reply']
      await t.rejects(part(held), /socket hang up/)
      await t.rejects(held.heartbeat(at('100')), { code: 'CONSUMER_LEASE_LOST' })
      t.equal(held.lossReason, reason)
    }
  }
})

t.test('a lease that was taken before its release is reported as taken', async t => {
  const theft = { leaseOwner: 'other', session: 'session-2' }
  const thefts: Array<[what: string, Partial<Lease>]> = [
    ['by a worker of ours', theft],
    ['and renewed since', { ...theft, leaseCounter: 9 }],
    ['by KCL, which leaves our session where it is', { leaseOwner: 'other', checkpoint: at('200'), leaseCounter: 9 }],
  ]
  for (const [what, fields] of thefts) {
    for (const part of [(held: HeldLease) => held.end(['shard-2']), (held: HeldLease) => held.release(at('200'))]) {
      for (const fate of ['arrives', 'fails'] as const) {
        const { store, held } = holdLease()
        await held.heartbeat(at('100'))
        if (fate === 'fails') {
          store.fates = [fate]
          await t.rejects(part(held), /refused/)
        }
        store.rows.set('shard-1', { ...held.row, leaseCounter: held.row.leaseCounter + 1, ...fields })
        await t.rejects(part(held), { code: 'CONSUMER_LEASE_LOST' })
        t.equal(held.lossReason, 'taken by another worker', what)
      }
    }
  }
})

t.test('a lease that was taken after its release is reported as released, even if the reply was lost', async t => {
  for (const [part, reason] of [
    [(held: HeldLease) => held.end(['shard-2']), 'shard ended'],
    [(held: HeldLease) => held.release(at('200')), 'released'],
  ] as const) {
    const { store, held, row } = holdLease()
    store.fates = ['loses its reply']
    await t.rejects(part(held), /hang up/)
    store.rows.set('shard-1', takeLease(row() ?? held.row, 'other', 'session-2'))
    await t.rejects(part(held), { code: 'CONSUMER_LEASE_LOST' })
    t.equal(held.lossReason, reason)
  }
})

t.test('a lease that was taken after a renewal whose reply was lost is not reported as released', async t => {
  const { store, held, row } = holdLease()
  store.fates = ['loses its reply']
  await t.rejects(held.heartbeat(at('100')), /hang up/)
  store.rows.set('shard-1', takeLease(row() ?? held.row, 'other', 'session-2'))
  await t.rejects(held.release(at('200')), { code: 'CONSUMER_LEASE_LOST' })
  t.equal(held.lossReason, 'taken by another worker')
})

t.test('a row that a repeated call created again belongs to this worker', async t => {
  const { store, held, row } = holdLease()
  store.rows.clear()
  store.create = async lease => {
    store.rows.set(lease.leaseKey, lease)
    return false // As the SDK reports a write whose first attempt has arrived.
  }
  await held.heartbeat(at('100'))
  t.ok(held.isValid())
  t.match(row(), { leaseOwner: 'me', checkpoint: at('100') })
})

t.test('a lease that another worker took is lost at the next write, which changes nothing', async t => {
  const { held, row, store } = holdLease()
  const theirs = takeLease(leaseWith({ ...held.row }), 'other', 'session-2')
  store.rows.set('shard-1', theirs)
  await t.rejects(held.heartbeat(at('100')), { code: 'CONSUMER_LEASE_LOST' })
  t.equal(held.lossReason, 'taken by another worker')
  t.ok(held.signal.aborted)
  t.same(row(), theirs)
})

t.test('a lease that the leader of KCL 3 is handing back is not taken for a write of this worker', async t => {
  const { held, row, store } = holdLease()
  store.fates = ['fails']
  await t.rejects(held.heartbeat(at('100')), /refused/, 'the worker does not know whether its write arrived')
  // Another worker got the lease, renewed it once, and still owns the checkpoint while the lease comes back.
  const returning = leaseWith({ ...held.row, leaseCounter: held.row.leaseCounter + 1, checkpointOwner: 'kcl' })
  store.rows.set('shard-1', returning)
  await t.rejects(held.heartbeat(at('200')), { code: 'CONSUMER_LEASE_LOST' })
  t.equal(held.lossReason, 'taken by another worker')
  t.same(row(), returning)
})

t.test('a worker with the same id and another session is a different worker', async t => {
  const { held, store } = holdLease()
  store.rows.set('shard-1', takeLease(leaseWith({ ...held.row }), 'me', 'session-2'))
  await t.rejects(held.heartbeat(at('100')), { code: 'CONSUMER_LEASE_LOST' })
})

t.test('a deleted row is written again with the progress of the shard', async t => {
  const { held, store, row } = holdLease()
  store.rows.clear()
  await held.heartbeat(at('100'))
  t.ok(held.isValid())
  t.match(row(), { leaseOwner: 'me', session: 'session-1', leaseCounter: 2, checkpoint: at('100') })
})

t.test('a deleted row is not written again after the lease has expired', async t => {
  const { clock, held, store } = holdLease()
  store.rows.clear()
  clock.advance(FAILOVER_MS)
  await t.rejects(held.heartbeat(at('100')), { code: 'CONSUMER_LEASE_LOST' })
  t.equal(store.rows.size, 0)
})

t.test('a lease that was not renewed for the failover time fences itself before any timer fires', async t => {
  const { clock, held, store } = holdLease()
  clock.advance(FAILOVER_MS - 1)
  t.ok(held.isValid())
  clock.advance(1)
  t.notOk(held.isValid())
  t.ok(held.signal.aborted)
  await t.rejects(held.heartbeat(at('100')), { code: 'CONSUMER_LEASE_LOST' })
  t.equal(store.writes.length, 0, 'and writes nothing')
})

t.test('a failed write does not extend the validity of the lease', async t => {
  const { clock, held, store } = holdLease()
  clock.advance(6_000)
  store.fates = ['fails']
  await t.rejects(held.heartbeat(at('100')), /refused/)
  clock.advance(4_000)
  t.notOk(held.isValid())
})

t.test('a recovered write extends the lease from the time at which it was sent', async t => {
  const { clock, held, store } = holdLease()
  clock.advance(1_000)
  store.fates = ['loses its reply']
  await t.rejects(held.heartbeat(at('100')), /hang up/)
  clock.advance(5_000)
  store.fates = ['arrives', 'fails']
  await t.rejects(held.heartbeat(at('200')), /refused/, 'the first write is found, this one fails')
  clock.advance(4_999)
  t.ok(held.isValid(), 'valid until the failover time after the first write')
  clock.advance(1)
  t.notOk(held.isValid())
})

t.test('the guard fires the signal on time while writes hang', async t => {
  const { clock, held } = holdLease()
  const guarded = held.guard()
  clock.advance(FAILOVER_MS)
  await guarded
  t.ok(held.signal.aborted)
  t.equal(held.lossReason, 'not renewed in time')
})

t.test('the end of a shard is written with its children and leaves the lease without an owner', async t => {
  const { held, row } = holdLease()
  await held.end(['shard-2', 'shard-3'])
  t.match(row(), { checkpoint: at('SHARD_END'), childShardIds: ['shard-2', 'shard-3'], leaseOwner: undefined })
})
