import t from 'tap'
import { endLease, releaseLease, renewLease, takeLease } from '../../../services/consumer/leases/lease.ts'
import { fromItem, toAttributes } from '../../../services/consumer/leases/lease-item.ts'
import { swapExpression } from '../../../services/consumer/leases/lease-update.ts'
import { at, leaseWith } from './support.ts'

const held = leaseWith({ leaseKey: 'shard-1', leaseOwner: 'me', leaseCounter: 5, checkpoint: at('100'), session: 's' })

t.test('every write is fenced by counter, owner and checkpoint', async t => {
  for (const next of [
    renewLease(held, at('200')),
    releaseLease(held, at('200')),
    endLease(held, []),
    takeLease(held, 'b', 't'),
  ]) {
    const { ConditionExpression, ExpressionAttributeValues } = swapExpression(held, next)
    t.match(ConditionExpression, '#leaseCounter = :old_leaseCounter')
    t.match(ConditionExpression, '#leaseOwner = :old_leaseOwner')
    t.match(ConditionExpression, '#checkpoint = :old_checkpoint')
    t.match(ConditionExpression, 'attribute_not_exists(#checkpointOwner)')
    t.match(ExpressionAttributeValues, { ':old_leaseCounter': { N: '5' }, ':old_leaseOwner': { S: 'me' } })
  }
})

t.test('a lease without an owner is taken only while it has none', async t => {
  const free = leaseWith({ leaseKey: 'shard-1' })
  t.match(swapExpression(free, takeLease(free, 'me', 's')).ConditionExpression, 'attribute_not_exists(#leaseOwner)')
})

t.test('a write changes only attributes that differ', async t => {
  t.equal(swapExpression(held, renewLease(held, at('100'))).UpdateExpression, 'SET #leaseCounter = :new_leaseCounter')
})

t.test('a checkpoint removes the pending checkpoint of KCL', async t => {
  const { UpdateExpression } = swapExpression(held, renewLease(held, at('200')))
  t.match(UpdateExpression, /REMOVE .*#pendingCheckpoint, #pendingCheckpointSubSequenceNumber, #pendingCheckpointState/)
})

t.test('a release removes the owner attribute from the row', async t => {
  t.match(swapExpression(held, releaseLease(held, at('100'))).UpdateExpression, /REMOVE #leaseOwner, #headgateSession/)
})

t.test('a lease is unchanged after it was written and read', async t => {
  const lease = leaseWith({
    leaseKey: 'shard-3',
    leaseOwner: 'me',
    leaseCounter: 12,
    checkpoint: { sequenceNumber: '4963', subSequenceNumber: 7 },
    parentShardIds: ['shard-1', 'shard-2'],
    startingHashKey: '0',
    endingHashKey: '340282366920938463463374607431768211455',
    session: 's',
    startAt: 1_700_000_000_000,
  })
  t.same(fromItem({ leaseKey: { S: 'shard-3' }, ...toAttributes(lease) }), lease)
})

t.test('other rows of KCL 3.5 are skipped', async t => {
  t.equal(fromItem({ leaseKey: { S: 'x' }, entityType: { S: 'WORKER_METRIC_STATS' } }), undefined)
  const lease = leaseWith({ leaseKey: 'shard-1' })
  t.same(fromItem({ leaseKey: { S: 'shard-1' }, entityType: { S: 'LEASE' }, ...toAttributes(lease) }), lease)
})

t.test('an invalid lease row throws an error that names it', async t => {
  t.throws(() => fromItem({ leaseKey: { S: 'shard-9' } }), { code: 'CONSUMER_LEASE_TABLE', message: /'shard-9'/ })
})
