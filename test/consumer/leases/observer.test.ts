import t from 'tap'
import { LeaseObserver } from '../../../services/consumer/leases/observer.ts'
import { leaseWith } from './support.ts'

const lease = leaseWith({ leaseKey: 'shard-1', leaseOwner: 'other', leaseCounter: 7 })

t.test('a lease is dead once its counter has been watched to rest for longer than the failover time', async t => {
  const observer = new LeaseObserver(1_000)
  observer.observe([lease], 0)
  observer.observe([lease], 1_000)
  t.notOk(observer.isExpired(lease, 1_000))
  t.ok(observer.isExpired(lease, 1_001))
})

t.test('a counter that moves keeps the lease alive, however long it has been watched', async t => {
  const observer = new LeaseObserver(1_000)
  observer.observe([lease], 0)
  const renewed = { ...lease, leaseCounter: 8 }
  observer.observe([renewed], 900)
  t.notOk(observer.isExpired(renewed, 1_500))
  t.notOk(observer.isExpired(lease, 5_000), 'an old row says nothing of the one that was seen last')
})

t.test('a lease that was never watched is not dead, whatever the time is', async t => {
  t.notOk(new LeaseObserver(1_000).isExpired(lease, 1e9))
})

t.test('a lease that was deleted and made again is watched from anew', async t => {
  const observer = new LeaseObserver(1_000)
  observer.observe([lease], 0)
  observer.observe([], 500)
  observer.observe([lease], 600)
  t.notOk(observer.isExpired(lease, 1_500))
})
