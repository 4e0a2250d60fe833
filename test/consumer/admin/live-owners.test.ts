import t from 'tap'
import { liveOwners } from '../../../services/consumer/admin/live-owners.ts'
import { type Lease, newLease } from '../../../services/consumer/leases/lease.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const FAILOVER = 10_000

/** A table in virtual time, whose leases are renewed at the given interval; 0 means never. */
function table(paces: Record<string, { owner?: string; everyMs: number }>) {
  const clock = new FakeClock({ skipsSleep: true })
  const checkpoint = { sequenceNumber: '1', subSequenceNumber: 0 }
  const list = async (): Promise<Lease[]> =>
    Object.entries(paces).map(([leaseKey, { owner, everyMs }]) => ({
      ...newLease({
        ...{ leaseKey, checkpoint, parentShardIds: [], startAt: undefined, shardStart: undefined },
        ...{ startingHashKey: undefined, endingHashKey: undefined },
      }),
      leaseOwner: owner,
      leaseCounter: everyMs > 0 ? Math.floor(clock.now() / everyMs) : 7,
    }))
  return { store: { list }, clock, elapsed: clock.now }
}

t.test('an owner is alive if its lease is renewed within the failover time', async t => {
  const { elapsed, ...ports } = table({
    a: { owner: 'w1', everyMs: 3_000 },
    b: { owner: 'dead', everyMs: 0 },
    c: { everyMs: 0 },
  })
  t.strictSame(await liveOwners({ ...ports, failoverMs: FAILOVER, all: true }), new Set(['a']))
  t.equal(elapsed(), FAILOVER)
})

t.test('liveOwners stops watching as soon as the answer is known', async t => {
  const alive = table({ a: { owner: 'w1', everyMs: 3_000 }, b: { owner: 'w1', everyMs: 3_300 } })
  t.equal((await liveOwners({ ...alive, failoverMs: FAILOVER, all: true })).size, 2)
  t.ok(alive.elapsed() <= 4_000)
  const one = table({ a: { owner: 'w1', everyMs: 1_000 }, b: { owner: 'dead', everyMs: 0 } })
  t.equal((await liveOwners({ ...one, failoverMs: FAILOVER, all: false })).size, 1)
  t.ok(one.elapsed() <= 2_000)
  const free = table({ a: { everyMs: 0 } })
  t.equal((await liveOwners({ ...free, failoverMs: FAILOVER, all: true })).size, 0)
  t.equal(free.elapsed(), 0)
})
