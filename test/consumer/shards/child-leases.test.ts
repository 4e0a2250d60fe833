import t from 'tap'
import { createChildLeases } from '../../../services/consumer/shards/child-leases.ts'
import type { ChildShard } from '../../../services/consumer/shards/shard.ts'
import { at, leaseWith, ModelLeaseStore } from '../leases/support.ts'

const shard = (shardId: string, parent: string): ChildShard => ({
  ...{ shardId, parentShardIds: [parent], startingHashKey: '0', endingHashKey: '9', startingSequenceNumber: undefined },
})
const parent = leaseWith({ leaseKey: 'parent', startAt: 5 })

t.test('each child gets a lease that starts where the application did', async t => {
  const store = new ModelLeaseStore()
  await createChildLeases(parent, [shard('one', 'parent'), shard('other', 'parent')], store)
  t.match(
    [...store.rows.values()],
    [
      { leaseKey: 'one', startAt: 5, checkpoint: at('TRIM_HORIZON') },
      { leaseKey: 'other', startAt: 5 },
    ],
  )
})

t.test('a later descendant that was processed and cleaned up gets no new lease', async t => {
  const store = new ModelLeaseStore()
  await store.create(leaseWith({ leaseKey: 'below', parentShardIds: ['read'], checkpoint: at('7') }))
  await createChildLeases(parent, [shard('read', 'trimmed'), shard('unread', 'trimmed')], store)
  t.same([...store.rows.keys()], ['below', 'unread'])
})
