import t from 'tap'
import { type Assignment, decide as decideFor } from '../../../services/consumer/leases/assignment.ts'
import type { Lease } from '../../../services/consumer/leases/lease.ts'
import { leaseWith } from './support.ts'

/** `owners` in order, one lease each; `-` for nobody. */
const table = (owners: string) =>
  [...owners].map((owner, i) => leaseWith({ leaseKey: `shard-${i}`, leaseOwner: owner === '-' ? undefined : owner }))

const owners = (leases: readonly Lease[]) => leases.map(lease => lease.leaseOwner)

interface Situation {
  dead?: string
  unclaimed?: boolean
  overdue?: boolean
  leftOver?: string
  maxLeases?: number
}

function decide(leases: readonly Lease[], workerId: string, situation: Situation = {}): Assignment {
  const { dead = '', unclaimed = false, overdue = false, leftOver = '' } = situation
  return decideFor({
    leases,
    workerId,
    session: 'this run',
    held: new Set(leases.filter(lease => lease.leaseOwner === workerId).map(lease => lease.leaseKey)),
    isExpired: lease => lease.leaseOwner !== undefined && dead.includes(lease.leaseOwner),
    isUnclaimed: () => unclaimed,
    isOverdue: () => overdue,
    isLeftOver: lease => leftOver.includes(lease.leaseOwner ?? '-'),
    maxLeases: situation.maxLeases ?? Number.POSITIVE_INFINITY,
    random: Math.random,
  })
}

const NOTHING: Assignment = { take: [], request: [], isGrowing: false, leftToOthers: [], unread: [] }

t.test('a single worker takes every free lease', async t => {
  t.equal(decide(table('----'), 'a').take.length, 4)
})

t.test('a worker takes at once no more leases than it has, and four if it has fewer', async t => {
  t.match(decide(table('-'.repeat(20)), 'a'), { take: { length: 4 }, isGrowing: true })
  t.match(decide(table(`aaaaa${'-'.repeat(15)}`), 'a'), { take: { length: 5 }, isGrowing: true })
  t.match(decide(table('aaaaa-----'), 'a'), { take: { length: 5 }, isGrowing: false })
})

t.test('a worker takes no more than its share', async t => {
  t.equal(decide(table('bb----'), 'a').take.length, 3)
  t.equal(decide(table('abb---'), 'a').take.length, 2)
})

t.test('a worker leaves leases beyond its share to others, and takes those that nobody took', async t => {
  const before = decide(table('abb---'), 'a')
  t.equal(before.take.length, 2)
  t.equal(before.leftToOthers.length, 1)
  t.equal(decide(table('abb---'), 'a', { leftOver: '-' }).take.length, 3)
  const { take, leftToOthers: left } = decide(table('aabddd'), 'a', { dead: 'd', leftOver: 'd' })
  t.equal(take.length, 3, 'one within the share of three, and two beyond it')
  t.same(left, [])
})

t.test('the leases of a dead worker are taken, and it does not count for the share', async t => {
  const { take } = decide(table('aabb'), 'a', { dead: 'b' })
  t.equal(take.length, 2)
  t.ok(take.every(lease => lease.leaseOwner === 'b'))
})

t.test('a worker without leases requests one from the worker with the most, and takes none', async t => {
  const { take, request, isGrowing } = decide(table('bbbbcc'), 'a')
  t.same(take, [])
  t.same(owners(request), ['b'])
  t.ok(isGrowing)
})

t.test('a worker requests at most half of the leases that it lacks, and no more than it has', async t => {
  t.same(owners(decide(table('aabbbbbbbb'), 'a').request), ['b', 'b'], 'it lacks three')
  t.same(owners(decide(table(`a${'b'.repeat(41)}`), 'a').request), ['b'])
})

t.test('a requested lease counts for the worker that requests it', async t => {
  const requested = (by: string) => table('bbbbbb').map((lease, i) => (i < 3 ? { ...lease, requestedBy: by } : lease))
  t.same(decide(requested('a'), 'a'), NOTHING, 'three for each')
  t.same(decide(requested('c'), 'b').request, [], 'b keeps three')
  t.match(decide(requested('c'), 'a'), { take: [], request: [{ leaseOwner: 'b', requestedBy: undefined }] })
})

t.test('an overdue request of another worker counts for the owner, and can be replaced', async t => {
  const leases = table('bbbb').map(lease => ({ ...lease, requestedBy: 'gone' }))
  t.equal(decide(leases, 'a', { overdue: true }).request.length, 1)
})

t.test('workers that decide at the same time request leases of different owners', async t => {
  const leases = table('bbbbccccddddeeee')
  const asked = Array.from({ length: 100 }, () => owners(decide(leases, 'a').request)[0])
  t.same(new Set(asked), new Set('bcde'))
})

t.test('no lease is requested if that would only reverse the difference', async t => {
  t.same(decide(table('abb'), 'a'), NOTHING)
  t.same(decide(table('b'), 'a'), NOTHING)
})

t.test('no lease is requested while one is free', async t => {
  const { take, request } = decide(table('bbbb-'), 'a')
  t.same(
    take.map(lease => lease.leaseOwner),
    [undefined],
  )
  t.same(request, [])
})

t.test('a worker takes a requested lease when the request is overdue', async t => {
  const leases = table('bbb').map((lease, i) => (i === 0 ? { ...lease, requestedBy: 'a' } : lease))
  t.same(decide(leases, 'a'), NOTHING)
  t.same(decide(leases, 'a', { overdue: true }), { ...NOTHING, take: leases.slice(0, 1) })
})

t.test('a lease that another worker has requested is not requested', async t => {
  const leases = table('bbbb').map(lease => ({ ...lease, requestedBy: 'c' }))
  t.same(decide(leases, 'a'), NOTHING)
})

t.test("a lease given up for a worker is that worker's alone, until it has not come for it", async t => {
  const leases = table('bb-').map(lease => ({ ...lease, requestedBy: lease.leaseOwner ? undefined : 'a' }))
  const released = leases.slice(2)
  t.same(decide(leases, 'a').take, released)
  t.same(decide(leases, 'b').take, [])
  t.same(decide(leases, 'c').take, [])
  t.same(decide(leases, 'c', { unclaimed: true }).take, released)
})

t.test('a lease whose take succeeded but whose reply was lost is taken again', async t => {
  const leases = table('a').map(lease => ({ ...lease, session: 'this run' }))
  t.same(decideNothingHeld(leases).take, leases)
})

t.test(
  'a lease that another run of the same worker id took is left until it is unclaimed, and nothing else is done',
  async t => {
    const leases = table('a---').map(lease => ({ ...lease, session: lease.leaseOwner && 'another run' }))
    t.same(decideNothingHeld(leases), NOTHING)
    t.same(decideNothingHeld(leases, { unclaimed: true }).take, leases.slice(0, 1))
  },
)

function decideNothingHeld(leases: readonly Lease[], { unclaimed = false }: Situation = {}): Assignment {
  const no = () => false
  return decideFor({
    ...{ leases, workerId: 'a', session: 'this run', held: new Set<string>(), random: () => 0, maxLeases: 99 },
    ...{ isExpired: no, isUnclaimed: () => unclaimed, isOverdue: no, isLeftOver: no },
  })
}

t.test('a lease that is being handed over by KCL 3 is left alone', async t => {
  t.same(
    decide(
      table('bb').map(lease => ({ ...lease, checkpointOwner: 'c' })),
      'a',
    ),
    NOTHING,
  )
  t.same(
    decide(
      table('-').map(lease => ({ ...lease, checkpointOwner: 'c' })),
      'a',
    ),
    NOTHING,
  )
})

t.test('any fleet becomes balanced, and then no lease moves', async t => {
  for (const [shards, workers] of [
    [1, 3],
    [4, 2],
    [7, 3],
    [16, 5],
    [50, 7],
  ] as const) {
    const names = 'abcdefg'.slice(0, workers)
    let leases = table('-'.repeat(shards))
    const give = (lease: Lease, leaseOwner: string) => {
      leases = leases.map(other => (other.leaseKey === lease.leaseKey ? { ...other, leaseOwner } : other))
    }
    const round = () => {
      let moved = 0
      for (const name of names) {
        const { take, request } = decide(leases, name)
        for (const lease of [...take, ...request]) {
          give(lease, name)
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

t.test('a worker takes and requests no more leases than its maximum', async t => {
  t.equal(decide(table('----'), 'a', { maxLeases: 3 }).take.length, 3)
  t.equal(decide(table('aa--'), 'a', { maxLeases: 3 }).take.length, 1)
  t.match(decide(table('aabbbbb'), 'a', { maxLeases: 2 }), NOTHING)
  t.equal(decide(table('aabbbbbbb'), 'a', { maxLeases: 3 }).request.length, 1)
  t.equal(decide(table('abbbb'), 'a', { dead: 'b', maxLeases: 2, leftOver: 'b' }).take.length, 1)
})

t.test('a lease that nobody takes while this worker has its maximum is unread', async t => {
  const full = decide(table('aa--'), 'a', { maxLeases: 2 })
  t.match(full, { take: [], unread: [] }, 'the others get time to take it')
  t.equal(full.leftToOthers.length, 2)
  t.equal(decide(table('aa--'), 'a', { maxLeases: 2, leftOver: '-' }).unread.length, 2)
  t.equal(decide(table('aa--'), 'a', { leftOver: '-' }).unread.length, 0)
})
