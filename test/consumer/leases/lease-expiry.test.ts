import t from 'tap'
import { LeaseExpiry } from '../../../services/consumer/leases/lease-expiry.ts'
import { leaseWith } from './support.ts'

const lease = leaseWith({ leaseKey: 'shard-1', leaseOwner: 'other', leaseCounter: 7 })

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
  for (const scanMs of [100, 200, 250, 333, 500]) {
    // The worst case: the owner wrote the row and died just after a scan, and each gap between two scans is the longest.
    const gap = 1.2 * scanMs
    const expiry = new LeaseExpiry(FAILOVER_MS, scanMs)
    let now = gap
    for (; now <= 2 * FAILOVER_MS; now += gap) {
      expiry.observe([lease], now)
      if (expiry.isExpired(lease, now)) {
        if (expiry.isLeftOver(lease, now)) break
        expiry.observeLeftToOthers([lease], now)
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
