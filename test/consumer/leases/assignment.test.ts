import t from 'tap'
import { decideTakes } from '../../../services/consumer/leases/assignment.ts'
import type { Lease } from '../../../services/consumer/leases/lease.ts'
import { leaseWith } from './support.ts'

/** `owners` in order, one lease each; `-` for nobody. */
const table = (owners: string) =>
  [...owners].map((owner, i) => leaseWith({ leaseKey: `shard-${i}`, leaseOwner: owner === '-' ? undefined : owner }))

function decide(leases: readonly Lease[], workerId: string, { dead = '', random = Math.random } = {}) {
  const held = new Set(leases.filter(lease => lease.leaseOwner === workerId).map(lease => lease.leaseKey))
  const isExpired = (lease: Lease) => dead.includes(lease.leaseOwner ?? '-')
  return decideTakes({ leases, workerId, held, isExpired, random })
}

t.test('a worker alone takes everything that nobody holds', async t => {
  t.equal(decide(table('----'), 'a').length, 4)
})

t.test('a worker takes no more than its share', async t => {
  t.equal(decide(table('bb----'), 'a').length, 3)
  t.equal(decide(table('abb---'), 'a').length, 2)
})

t.test('the leases of a dead worker are taken, and it does not count', async t => {
  const takes = decide(table('aabb'), 'a', { dead: 'b' })
  t.equal(takes.length, 2)
  t.ok(takes.every(lease => lease.leaseOwner === 'b'))
})

t.test('a worker with too few steals one, from the one who has the most', async t => {
  const takes = decide(table('bbbbcc'), 'a')
  t.equal(takes.length, 1)
  t.equal(takes[0]?.leaseOwner, 'b')
})

t.test('nothing is stolen where that would only turn the difference round', async t => {
  t.same(decide(table('abb'), 'a'), [])
  t.same(decide(table('b'), 'a'), [])
})

t.test('nothing is stolen while something is free', async t => {
  const takes = decide(table('bbbb-'), 'a')
  t.equal(takes.length, 1)
  t.equal(takes[0]?.leaseOwner, undefined)
})

t.test('a lease in our name that we do not hold is taken back', async t => {
  const [lease] = table('a')
  if (!lease) throw new Error('no lease')
  const takes = decideTakes({
    leases: [lease],
    workerId: 'a',
    held: new Set(),
    isExpired: () => false,
    random: () => 0,
  })
  t.same(takes, [lease])
})

t.test('a lease that is being handed over by KCL 3 is left alone', async t => {
  const leases = table('bb').map(lease => ({ ...lease, checkpointOwner: 'c' }))
  t.same(decide(leases, 'a'), [])
  const unowned = table('-').map(lease => ({ ...lease, checkpointOwner: 'c' }))
  t.same(decide(unowned, 'a'), [])
})

t.test('any fleet comes to rest, evenly, and then nothing moves', async t => {
  for (const [shards, workers] of [
    [1, 3],
    [4, 2],
    [7, 3],
    [16, 5],
    [50, 7],
  ] as const) {
    const names = 'abcdefg'.slice(0, workers)
    let leases = table('-'.repeat(shards))
    const round = () => {
      let moved = 0
      for (const name of names) {
        for (const lease of decide(leases, name)) {
          leases = leases.map(other => (other.leaseKey === lease.leaseKey ? { ...other, leaseOwner: name } : other))
          moved++
        }
      }
      return moved
    }
    let rounds = 0
    while (round() > 0) if (++rounds > shards) break
    const counts = [...names].map(name => leases.filter(lease => lease.leaseOwner === name).length)
    t.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${shards} leases over ${workers} workers: ${counts.join()}`)
    t.equal(round(), 0)
  }
})
