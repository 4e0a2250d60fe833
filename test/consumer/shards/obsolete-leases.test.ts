import t from 'tap'
import { obsoleteLeases } from '../../../services/consumer/shards/lease-plan.ts'
import { at, leaseWith } from '../leases/support.ts'

const ended = leaseWith({ leaseKey: '1', checkpoint: at('SHARD_END'), childShardIds: ['2', '3'] })
const child = (leaseKey: string, sequenceNumber: string) =>
  leaseWith({ leaseKey, checkpoint: at(sequenceNumber), parentShardIds: ['1'] })
const keys = (...leases: Parameters<typeof obsoleteLeases>[0]) => obsoleteLeases(leases).map(lease => lease.leaseKey)

t.test('a lease is obsolete once its shard has ended and all its children have been started', async t => {
  t.same(keys(ended, child('2', '10'), child('3', '11')), ['1'])
  t.same(keys(ended, child('2', '10'), child('3', 'TRIM_HORIZON')), [], 'a child that has not begun still needs it')
  t.same(keys(ended, child('2', '10')), [], 'a child whose lease is missing was never read')
})

t.test('a lease that is open, held or without children is not obsolete', async t => {
  const children = [child('2', '10'), child('3', '11')]
  t.same(keys({ ...ended, checkpoint: at('99') }, ...children), [])
  t.same(keys({ ...ended, leaseOwner: 'somebody' }, ...children), [])
  t.same(keys({ ...ended, childShardIds: [] }), [])
})

t.test('parents become obsolete before their children', async t => {
  const middle = { ...child('2', 'SHARD_END'), childShardIds: ['4'] }
  const last = leaseWith({ leaseKey: '4', checkpoint: at('20'), parentShardIds: ['2'] })
  t.same(keys(ended, middle, child('3', '11'), last), ['1'])
  t.same(keys(middle, child('3', '11'), last), ['2'])
})
