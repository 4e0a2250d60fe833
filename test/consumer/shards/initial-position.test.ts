import t from 'tap'
import { resolvePosition } from '../../../services/consumer/shards/initial-position.ts'
import { at, leaseWith } from '../leases/support.ts'

const NOW = 1_700_000_000_000

t.test('LATEST is the moment at which the application makes its first leases', async t => {
  t.same(resolvePosition('LATEST', { wallClock: NOW, leases: [] }), { checkpoint: at('LATEST'), startAt: NOW })
})

t.test('a shard that is found later starts when the first ones did, or else at its first record', async t => {
  const fresh = leaseWith({ leaseKey: '1', checkpoint: at('LATEST'), startAt: NOW - 5_000 })
  const begun = leaseWith({ leaseKey: '2', checkpoint: at('100') })
  t.equal(resolvePosition('LATEST', { wallClock: NOW, leases: [begun, fresh] }).startAt, NOW - 5_000)
  t.same(resolvePosition('LATEST', { wallClock: NOW, leases: [begun] }).checkpoint, at('TRIM_HORIZON'))
})

t.test('the other positions do not depend on when they are resolved', async t => {
  const context = { wallClock: NOW, leases: [] }
  t.same(resolvePosition('TRIM_HORIZON', context).checkpoint, at('TRIM_HORIZON'))
  t.equal(resolvePosition({ timestamp: new Date(42) }, context).startAt, 42)
})
