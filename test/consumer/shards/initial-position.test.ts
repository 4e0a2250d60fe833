import t from 'tap'
import { firstPlace, laterPlace } from '../../../services/consumer/shards/initial-position.ts'
import { at, leaseWith } from '../leases/support.ts'

const NOW = 1_700_000_000_000

t.test('LATEST is the time at which the application creates its first leases', async t => {
  t.same(firstPlace('LATEST', NOW), { checkpoint: at('LATEST'), startAt: NOW })
})

t.test('the other positions do not depend on when they are resolved', async t => {
  t.same(firstPlace('TRIM_HORIZON', NOW), { checkpoint: at('TRIM_HORIZON'), startAt: undefined })
  t.same(firstPlace({ timestamp: new Date(42) }, NOW), { checkpoint: at('AT_TIMESTAMP'), startAt: 42 })
})

t.test('a shard found later starts where the application did, or else at its first record', async t => {
  const ofFirst = leaseWith({ leaseKey: '1', checkpoint: at('100'), startAt: NOW - 5_000 })
  const ofOther = leaseWith({ leaseKey: '2', startAt: NOW - 4_000 })
  const byKcl = leaseWith({ leaseKey: '3', checkpoint: at('100') })
  t.same(laterPlace([byKcl, ofOther, ofFirst]), { checkpoint: at('TRIM_HORIZON'), startAt: NOW - 5_000 })
  t.same(laterPlace([byKcl]), { checkpoint: at('TRIM_HORIZON'), startAt: undefined })
})
