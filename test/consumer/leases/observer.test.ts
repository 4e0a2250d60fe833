import t from 'tap'
import { LeaseObserver } from '../../../services/consumer/leases/lease-expiry.ts'
import { leaseWith } from './support.ts'

const lease = leaseWith({ leaseKey: 'shard-1', leaseOwner: 'other', leaseCounter: 7 })

t.test('a lease is dead once its counter has been watched to rest for longer than the failover time', async t => {
  const observer = new LeaseObserver(1_000, 200)
  observer.observe([lease], 0)
  observer.observe([lease], 1_000)
  t.notOk(observer.isExpired(lease, 1_000))
  t.ok(observer.isExpired(lease, 1_001))
})

t.test('a counter that moves keeps the lease alive, however long it has been watched', async t => {
  const observer = new LeaseObserver(1_000, 200)
  observer.observe([lease], 0)
  const renewed = { ...lease, leaseCounter: 8 }
  observer.observe([renewed], 900)
  t.notOk(observer.isExpired(renewed, 1_500))
  t.notOk(observer.isExpired(lease, 5_000), 'an old row says nothing of the one that was seen last')
})

t.test('a lease that was never watched is not dead, whatever the time is', async t => {
  t.notOk(new LeaseObserver(1_000, 200).isExpired(lease, 1e9))
})

t.test('a lease that was deleted and made again is watched from anew', async t => {
  const observer = new LeaseObserver(1_000, 200)
  observer.observe([lease], 0)
  observer.observe([], 500)
  observer.observe([lease], 600)
  t.notOk(observer.isExpired(lease, 1_500))
})

t.test('a request is overdue a failover time after it was first seen, however often the owner renews', async t => {
  const observer = new LeaseObserver(1_000, 200)
  for (let now = 0; now <= 1_200; now += 400) {
    observer.observe([{ ...lease, leaseCounter: now, requestedBy: 'me' }], now)
  }
  t.notOk(observer.isOverdue({ ...lease, requestedBy: 'me' }, 1_000))
  t.ok(observer.isOverdue({ ...lease, requestedBy: 'me' }, 1_001))
})

t.test("a lease that was given up for a worker is anybody's after half the failover time", async t => {
  const observer = new LeaseObserver(1_000, 200)
  const givenUp = { ...lease, leaseOwner: undefined, requestedBy: 'other' }
  observer.observe([givenUp], 0)
  t.notOk(observer.isUnclaimed(givenUp, 500))
  t.ok(observer.isUnclaimed(givenUp, 501))
})

t.test('a lease is left over once it was left to others for longer than two scans', async t => {
  const observer = new LeaseObserver(1_000, 200)
  for (const now of [0, 200, 400]) observer.observeLeft([lease], now)
  t.notOk(observer.isLeftOver(lease, 400))
  t.ok(observer.isLeftOver(lease, 401))
  const taken = { ...lease, leaseCounter: 8 }
  t.notOk(observer.isLeftOver(taken, 401), 'somebody has taken it')
  observer.observeLeft([], 410)
  observer.observeLeft([lease], 420)
  t.notOk(observer.isLeftOver(lease, 430), 'it was not there to be taken meanwhile')
})
