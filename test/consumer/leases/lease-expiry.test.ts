import t from 'tap'
import { LeaseExpiry } from '../../../services/consumer/leases/lease-expiry.ts'
import { leaseWith } from './support.ts'

const lease = leaseWith({ leaseKey: 'shard-1', leaseOwner: 'other', leaseCounter: 7, session: 'a run@other' })

t.test('a lease is expired once its counter has not changed for longer than the failover time', async t => {
  const expiry = new LeaseExpiry(1_000, 200)
  expiry.observe([lease], 0)
  expiry.observe([lease], 1_000)
  t.notOk(expiry.isExpired(lease, 1_000))
  t.ok(expiry.isExpired(lease, 1_001))
})

t.test('a growing counter keeps the lease alive', async t => {
  const expiry = new LeaseExpiry(1_000, 200)
  expiry.observe([lease], 0)
  const renewed = { ...lease, leaseCounter: 8 }
  expiry.observe([renewed], 900)
  t.notOk(expiry.isExpired(renewed, 1_500))
  t.notOk(expiry.isExpired(lease, 5_000), 'an old row says nothing of the one that was seen last')
})

t.test('a lease that was never observed is not expired', async t => {
  t.notOk(new LeaseExpiry(1_000, 200).isExpired(lease, 1e9))
})

t.test('the observation of a lease starts again after it was deleted and created again', async t => {
  const expiry = new LeaseExpiry(1_000, 200)
  expiry.observe([lease], 0)
  expiry.observe([], 500)
  expiry.observe([lease], 600)
  t.notOk(expiry.isExpired(lease, 1_500))
})

t.test('a request is overdue a failover time after it was first seen, even if the owner renews', async t => {
  const expiry = new LeaseExpiry(1_000, 200)
  for (let now = 0; now <= 1_200; now += 400) {
    expiry.observe([{ ...lease, leaseCounter: now, requestedBy: 'me' }], now)
  }
  t.notOk(expiry.isOverdue({ ...lease, requestedBy: 'me' }, 1_000))
  t.ok(expiry.isOverdue({ ...lease, requestedBy: 'me' }, 1_001))
})

t.test('a request is overdue a failover time after the first renewal of a lease that KCL 3 assigned', async t => {
  const expiry = new LeaseExpiry(1_000, 200)
  const requested = { ...lease, session: undefined, requestedBy: 'me' }
  const renewed = { ...requested, leaseCounter: 8 }
  for (let now = 0; now <= 1_200; now += 400) expiry.observe([requested], now)
  t.notOk(expiry.isOverdue(requested, 1_200), 'its owner may not have found it yet')
  expiry.observe([renewed], 1_400)
  for (const counter of [9, 10]) expiry.observe([{ ...renewed, leaseCounter: counter }], 1_400 + 100 * counter)
  t.notOk(expiry.isOverdue(renewed, 2_400))
  t.ok(expiry.isOverdue(renewed, 2_401))
})

t.test("a lease that was given up for a worker is anybody's after half the failover time", async t => {
  const expiry = new LeaseExpiry(1_000, 200)
  const released = { ...lease, leaseOwner: undefined, requestedBy: 'other' }
  expiry.observe([released], 0)
  t.notOk(expiry.isUnclaimed(released, 500))
  t.ok(expiry.isUnclaimed(released, 501))
})

t.test('a lease is left over after it was left to others for longer than two scans', async t => {
  const expiry = new LeaseExpiry(1_000, 200)
  for (const now of [0, 200, 400]) expiry.observeLeftToOthers([lease], now)
  t.notOk(expiry.isLeftOver(lease, 400))
  t.ok(expiry.isLeftOver(lease, 401))
  const taken = { ...lease, leaseCounter: 8 }
  t.notOk(expiry.isLeftOver(taken, 401), 'somebody has taken it')
  expiry.observeLeftToOthers([], 410)
  expiry.observeLeftToOthers([lease], 420)
  t.notOk(expiry.isLeftOver(lease, 430), 'it was not there to be taken meanwhile')
})

t.test('an expired lease is left over when the next scan would come after two failover times', async t => {
  const FAILOVER_MS = 1_000
  const assigned = { ...lease, session: undefined }
  for (const [row, scanMs] of [100, 200, 250, 333, 500].flatMap(ms => [
    [lease, ms] as const,
    [assigned, ms] as const,
  ])) {
    // The worst case: the owner wrote the row and died just after a scan, and each gap between two scans is the longest.
    const gap = 1.2 * scanMs
    const expiry = new LeaseExpiry(FAILOVER_MS, scanMs)
    let now = gap
    for (; now <= 2 * FAILOVER_MS; now += gap) {
      expiry.observe([row], now)
      if (expiry.isExpired(row, now)) {
        if (expiry.isLeftOver(row, now)) break
        expiry.observeLeftToOthers([row], now)
      }
    }
    t.ok(now > FAILOVER_MS, `not before the owner is dead, with a scan every ${scanMs} ms`)
    t.ok(now <= 2 * FAILOVER_MS, `${now} ms after the last write, with a scan every ${scanMs} ms`)
  }
})

t.test('a lease whose owner is alive is never left over', async t => {
  const expiry = new LeaseExpiry(1_000, 800)
  expiry.observe([lease], 0)
  t.notOk(expiry.isLeftOver(lease, 1_000))
  t.ok(expiry.isLeftOver(lease, 1_001))
})

t.test('a worker of KCL 3 gets half a failover time more for its first renewal', async t => {
  const assigned = { ...lease, leaseOwner: 'java', leaseCounter: 8 }
  const renewed = { ...assigned, leaseCounter: 9 }
  const released = { ...lease, leaseOwner: undefined, session: undefined }
  for (const [title, before, row] of [
    ['a new lease', undefined, leaseWith({ leaseKey: 'shard-1', leaseOwner: 'java', leaseCounter: 1 })],
    [
      'a lease without an owner',
      { ...released, leaseCounter: 7 },
      { ...released, leaseOwner: 'java', leaseCounter: 8 },
    ],
    ['a lease that a worker of Headgate had', lease, assigned],
    ['a lease that was handed over', { ...assigned, leaseCounter: 7, checkpointOwner: 'java-1' }, assigned],
  ] as const) {
    const expiry = new LeaseExpiry(1_000, 200)
    if (before) expiry.observe([before], 0)
    expiry.observe([row], 100)
    t.notOk(expiry.isExpired(row, 1_600), title)
    t.ok(expiry.isExpired(row, 1_601), title)
  }
  const expiry = new LeaseExpiry(1_000, 200)
  for (const [now, row] of [lease, assigned, renewed].entries()) expiry.observe([row], 100 * now)
  t.ok(expiry.isExpired(renewed, 1_201), 'and the failover time from then on')
})

t.test('a worker of Headgate that took a lease must renew it within the failover time', async t => {
  const expiry = new LeaseExpiry(1_000, 200)
  const taken = { ...lease, leaseOwner: 'another', leaseCounter: 8, session: 'another run@another' }
  expiry.observe([lease], 0)
  expiry.observe([taken], 100)
  t.ok(expiry.isExpired(taken, 1_101))
})
