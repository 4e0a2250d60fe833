import t from 'tap'
import type { ConsumerEvents } from '../../../services/consumer/events.ts'
import { HeldLease } from '../../../services/consumer/leases/held-lease.ts'
import { endLease, releaseLease, renewLease, takeLease } from '../../../services/consumer/leases/lease.ts'
import { keepLease } from '../../../services/consumer/leases/lease-keeper.ts'
import { Counters } from '../../../services/consumer/metrics/counters.ts'
import { MeteredLeaseStore } from '../../../services/consumer/metrics/metered-store.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { at, leaseWith, ModelLeaseStore } from '../leases/support.ts'

function meteredStore() {
  const clock = new FakeClock()
  const counters = new Counters()
  const model = new ModelLeaseStore()
  const emitted: Array<[keyof ConsumerEvents, unknown]> = []
  const events = { emit: (name: keyof ConsumerEvents, event: unknown) => emitted.push([name, event]) }
  const store = new MeteredLeaseStore({ store: model, counters, now: clock.now, events })
  return { clock, counters, model, store, emitted }
}

t.test('every request to the lease table is counted, including rejected ones', async t => {
  const { store, counters, emitted } = meteredStore()
  const lease = leaseWith({ leaseKey: 's1' })
  await store.create(lease)
  t.notOk(await store.create(lease))
  const mine = takeLease(lease, 'me', 'session')
  await store.swap(lease, mine)
  t.notOk(await store.swap(lease, mine))
  await store.list()
  await store.get('s1')
  t.match(counters, { leaseTableWrites: 4, leaseTableReads: 2 })
  t.same(emitted, [], 'neither a take nor a refusal is a renewal')
})

t.test('renewals and checkpoints are distinguished, and the age of a checkpoint is known', async t => {
  const { store, clock, emitted } = meteredStore()
  const free = leaseWith({ leaseKey: 's1' })
  await store.create(free)
  const mine = takeLease(free, 'me', 'session')
  await store.swap(free, mine)
  const renewed = renewLease(mine, mine.checkpoint)
  await store.swap(mine, renewed)
  t.equal(store.checkpointedAt('s1'), undefined)
  await clock.pass(500)
  const further = renewLease(renewed, at('5'))
  await store.swap(renewed, further)
  t.equal(store.checkpointedAt('s1'), 500)
  await store.swap(further, endLease(further, ['s2']))
  t.equal(store.checkpointedAt('s1'), undefined, 'not a shard of ours any more')
  t.match(emitted, [
    ['leaseRenewed', { shardId: 's1', leaseCounter: 2 }],
    ['checkpointed', { shardId: 's1', leaseCounter: 3, checkpoint: at('5') }],
    ['checkpointed', { shardId: 's1', leaseCounter: 4, checkpoint: at('SHARD_END') }],
  ])
})

t.test('a release without progress is not counted as a renewal', async t => {
  const { store, emitted } = meteredStore()
  const free = leaseWith({ leaseKey: 's1' })
  await store.create(free)
  const mine = takeLease(free, 'me', 'session')
  await store.swap(free, mine)
  await store.swap(mine, releaseLease(mine, mine.checkpoint))
  t.same(emitted, [])
})

t.test('the last read of the table is kept', async t => {
  const { store } = meteredStore()
  t.same(store.lastRead, [])
  await store.create(leaseWith({ leaseKey: 's1' }))
  t.same(store.lastRead, [])
  await store.list()
  t.match(store.lastRead, [{ leaseKey: 's1' }])
})

const HOUR = 3_600_000

/** KCL renews every failover / 3 − 25 ms, and writes each checkpoint in addition. */
const kclWrites = (failoverMs: number, checkpoints: number) => Math.floor(HOUR / (failoverMs / 3 - 25)) + checkpoints

for (const failoverMs of [10_000, 30_000]) {
  for (const busy of [true, false]) {
    const shard = busy ? 'busy' : 'idle'
    t.test(
      `a lease of a shard that is ${shard} is written no more often than KCL does at ${failoverMs} ms`,
      async t => {
        const { store, clock, counters, emitted } = meteredStore()
        const free = leaseWith({ leaseKey: 's1' })
        await store.create(free)
        const mine = takeLease(free, 'me', 'session')
        await store.swap(free, mine)
        const before = counters.leaseTableWrites
        const lease = new HeldLease({ lease: mine, takenAt: 0, store, clock, failoverMs })
        const kept = keepLease({
          random: () => 1,
          ...{ lease, clock, failoverMs },
          progress: () => (busy ? at(String(1 + Math.floor(clock.now()))) : mine.checkpoint),
          onFault: error => t.fail(`${error}`),
        })
        await clock.pass(HOUR)
        t.ok(lease.isValid())
        lease.lose('released')
        await kept

        const writes = counters.leaseTableWrites - before
        const checkpoints = emitted.filter(([name]) => name === 'checkpointed').length
        t.comment(
          `${writes} writes an hour, ${checkpoints} of them checkpoints; KCL: ${kclWrites(failoverMs, checkpoints)}`,
        )
        t.ok(writes <= kclWrites(failoverMs, 0), 'a checkpoint counts as a renewal')
        t.equal(checkpoints, busy ? writes : 0)
        t.ok(writes >= HOUR / failoverMs, 'and often enough to keep it')
      },
    )
  }
}

t.test('the age of a checkpoint is dropped with its row, even if another worker ended the lease', async t => {
  const { store, model } = meteredStore()
  const free = leaseWith({ leaseKey: 's1' })
  await store.create(free)
  const mine = takeLease(free, 'me', 'session')
  await store.swap(free, mine)
  await store.swap(mine, renewLease(mine, at('5')))
  await store.list()
  t.equal(store.checkpointedAt('s1'), 0)
  model.rows.delete('s1')
  await store.list()
  t.equal(store.checkpointedAt('s1'), undefined)
})
