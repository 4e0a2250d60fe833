import t from 'tap'
import { type BodyPace, createRateMeter } from '../../../services/platform/s3/body-pace.ts'
import { createMemoryPool } from '../../../services/platform/s3/memory-pool.ts'

/** Returns what has settled so far, in order. */
function watch() {
  const seen: string[] = []
  return {
    seen,
    note<T>(name: string, promise: Promise<T>): Promise<T> {
      promise.then(
        () => seen.push(name),
        error => seen.push(`${name}: ${error.code}`),
      )
      return promise
    },
  }
}

const soon = () => new Promise(resolve => setImmediate(resolve))

const pool = (bytes: number, { reserve = 0, waitMs = 30_000 } = {}) => createMemoryPool({ bytes, reserve, waitMs })

/** Creates the pace of a client that sends the given bytes per second, and records its eviction. */
function client(rate: number, isAwaited = true) {
  const givenUp: Error[] = []
  const pace: BodyPace = { isAwaited: () => isAwaited, rate: () => rate, abort: error => void givenUp.push(error) }
  return { pace, givenUp }
}

const FAST = 1024 ** 2
const SLOW = 1_100

t.test('gives out no more memory than the pool has', async t => {
  const memory = pool(20)
  const first = await memory.take({ bytes: 10 })
  await memory.take({ bytes: 10 })
  const { seen, note } = watch()
  const third = note('third', memory.take({ bytes: 10 }))
  await soon()
  t.same(seen, [])
  first.release()
  first.release()
  const fourth = note('fourth', memory.take({ bytes: 10 }))
  await third
  await soon()
  t.same(seen, ['third'], 'what is given twice counts once')
  ;(await third).release()
  await fourth
})

t.test('one owner cannot take all memory, so that other owners need not wait', async t => {
  const memory = pool(80)
  const { seen, note } = watch()
  const taken = await Promise.all(Array.from({ length: 6 }, () => memory.take({ bytes: 10, owner: 'a' })))
  const seventh = note('a', memory.take({ bytes: 10, owner: 'a' }))
  await memory.take({ bytes: 10, owner: 'b' })
  await memory.take({ bytes: 10, owner: 'c' })
  const third = note('d', memory.take({ bytes: 10, owner: 'd' }))
  await soon()
  t.same(seen, [])
  taken[0]?.release()
  await soon()
  t.same(seen, ['d'], 'the owner who holds the least is first')
  taken[1]?.release()
  await soon()
  t.same(seen, ['d', 'a'])
  await Promise.all([seventh, third])
})

t.test('serves a continuing upload before a new one', async t => {
  const memory = pool(10)
  const { seen, note } = watch()
  const held = await memory.take({ bytes: 10 })
  const begins = note('begins', memory.take({ bytes: 10 }))
  const goesOn = note('goes on', memory.take({ bytes: 10, isContinuing: true }))
  held.release()
  ;(await goesOn).release()
  await begins
  t.same(seen, ['goes on', 'begins'])
})

t.test('an owner with many continuing uploads does not starve a new upload of another owner', async t => {
  const MIB = 1024 ** 2
  const memory = pool(80 * MIB)
  const { seen, note } = watch()
  const held = await Promise.all(Array.from({ length: 5 }, () => memory.take({ bytes: 8 * MIB, owner: 'a' })))
  await memory.take({ bytes: 40 * MIB, owner: 'b' })
  const goesOn = note('goes on', memory.take({ bytes: 8 * MIB, owner: 'a', isContinuing: true }))
  const begins = note('begins', memory.take({ bytes: 8 * MIB, owner: 'c' }))
  held[0]?.release()
  await begins
  t.same(seen, ['begins'])
  held[1]?.release()
  await goesOn
})

t.test('a wait ends at the maximum, and then takes no memory', async t => {
  const memory = pool(10, { waitMs: 20 })
  const held = await memory.take({ bytes: 10 })
  await t.rejects(memory.take({ bytes: 10 }), { code: 'HEADGATE_NO_PART_BUFFER' })
  const next = memory.take({ bytes: 10 })
  held.release()
  await next
})

t.test(
  'the newest wish is not overtaken by an older one that is smaller, and leaves its place when it is withdrawn',
  async t => {
    const memory = pool(20)
    const held = await memory.take({ bytes: 10 })
    const gone = new AbortController()
    const { seen, note } = watch()
    const full = await memory.take({ bytes: 10 })
    const small = note('small', memory.take({ bytes: 10 }))
    const large = note('large', memory.take({ bytes: 20, signal: gone.signal }))
    full.release()
    await soon()
    t.same(seen, [])
    gone.abort(new Error('gone'))
    await t.rejects(large, { message: 'gone' })
    await small
    await t.rejects(memory.take({ bytes: 10, signal: gone.signal }), { message: 'gone' })
    held.release()
    await memory.take({ bytes: 10, signal: gone.signal })
  },
)

t.test('a request for more than the pool has waits until no other upload holds memory', async t => {
  const memory = pool(20)
  const held = await memory.take({ bytes: 10 })
  const { seen, note } = watch()
  const huge = note('huge', memory.take({ bytes: 90 }))
  await soon()
  t.same(seen, [])
  held.release()
  ;(await huge).release()
  await memory.take({ bytes: 20 })
})

t.test(
  'slow uploads lose their memory to one that waits, the slowest first, and no more of them than it needs',
  async t => {
    const memory = pool(30)
    const clients = [client(SLOW * 2), client(SLOW), client(FAST)]
    const leases = await Promise.all(clients.map(({ pace }, n) => memory.take({ bytes: 10, owner: `${n}`, pace })))
    t.ok(clients.every(({ givenUp }) => givenUp.length === 0))
    const waits = memory.take({ bytes: 10, owner: 'x', pace: client(FAST).pace })
    t.match(clients[1]?.givenUp, [{ code: 'HEADGATE_SLOW_UPLOAD' }])
    t.same([clients[0]?.givenUp, clients[2]?.givenUp], [[], []])
    leases[1]?.release()
    await waits
  },
)

t.test('among equally slow uploads, evicts one of the owner who holds the most', async t => {
  const memory = pool(40)
  const [one, many] = [client(0), client(0)]
  await memory.take({ bytes: 10, owner: 'one', pace: one.pace })
  const leases = [1, 2, 3].map(() => memory.take({ bytes: 10, owner: 'many', pace: many.pace }))
  const waits = memory.take({ bytes: 10, owner: 'x' })
  t.equal(one.givenUp.length, 0)
  t.equal(many.givenUp.length, 1)
  ;(await leases[0])?.release()
  await waits
})

t.test('evicts a stuck upload only for an owner who would still hold less', async t => {
  const memory = pool(40, { waitMs: 500 })
  const stuck = client(0)
  const pace = { ...stuck.pace, isStuck: () => true }
  await memory.take({ bytes: 10, owner: 'a', pace })
  await memory.take({ bytes: 10, owner: 'a', pace })
  await memory.take({ bytes: 10, owner: 'b' })
  await memory.take({ bytes: 10, owner: 'c' })
  await t.rejects(memory.take({ bytes: 10, owner: 'c' }), { code: 'HEADGATE_NO_PART_BUFFER' })
  t.equal(stuck.givenUp.length, 0, 'both would hold as much')
  const waits = memory.take({ bytes: 10, owner: 'x' })
  t.equal(stuck.givenUp.length, 1)
  await t.rejects(waits, { code: 'HEADGATE_NO_PART_BUFFER' })
})

t.test('never evicts an upload for a slower one, or while its client waits for this process', async t => {
  const memory = pool(20, { waitMs: 500 })
  const [slow, busy] = [client(SLOW), client(0, false)]
  await memory.take({ bytes: 10, owner: 'a', pace: slow.pace })
  await memory.take({ bytes: 10, owner: 'b', pace: busy.pace })
  await t.rejects(memory.take({ bytes: 10, owner: 'x', pace: client(SLOW / 2).pace }))
  t.same([slow.givenUp, busy.givenUp], [[], []])
})

t.test('evicts an upload that becomes slow while another waits', async () => {
  const memory = pool(10)
  let rate = FAST
  const given = Promise.withResolvers<void>()
  const pace: BodyPace = { isAwaited: () => true, rate: () => rate, abort: () => given.resolve() }
  const lease = await memory.take({ bytes: 10, owner: 'a', pace })
  const waits = memory.take({ bytes: 10, owner: 'x' })
  rate = SLOW
  await given.promise
  lease.release()
  await waits
})

t.test('serves an owner with an evicted upload after other owners', async t => {
  const memory = pool(20)
  const { seen, note } = watch()
  const slow = client(SLOW)
  const lease = await memory.take({ bytes: 10, owner: 'slow', pace: slow.pace })
  await memory.take({ bytes: 10, owner: 'b' })
  const first = note('first', memory.take({ bytes: 10, owner: 'c' }))
  t.equal(slow.givenUp.length, 1)
  const again = note('again', memory.take({ bytes: 10, owner: 'slow', pace: slow.pace }))
  const fresh = note('fresh', memory.take({ bytes: 10, owner: 'd' }))
  lease.release()
  ;(await fresh).release()
  ;(await first).release()
  await again
  t.same(seen, ['fresh', 'first', 'again'], 'of the others the newest is first')
})

t.test('evicts only uploads of the same owner if the share of the owner is full', async t => {
  const memory = pool(40)
  const [own, other] = [client(SLOW * 2), client(SLOW)]
  const lease = await memory.take({ bytes: 30, owner: 'a', pace: own.pace })
  await memory.take({ bytes: 10, owner: 'b', pace: other.pace })
  const waits = memory.take({ bytes: 10, owner: 'a', pace: client(FAST).pace })
  t.equal(own.givenUp.length, 1)
  t.equal(other.givenUp.length, 0)
  lease.release()
  await waits
})

t.test('gives the reserve to fast clients, and evicts them when they become slower', async t => {
  const memory = pool(40, { reserve: 10, waitMs: 2_000 })
  const medium = client(FAST / 4)
  for (const whose of ['a', 'b', 'c']) await memory.take({ bytes: 10, owner: whose, pace: medium.pace })
  const { seen, note } = watch()
  const waits = note('medium', memory.take({ bytes: 10, owner: 'd', pace: medium.pace }))
  let rate = FAST
  const given = Promise.withResolvers<void>()
  const pace: BodyPace = { isAwaited: () => true, rate: () => rate, abort: () => given.resolve() }
  const fast = await note('fast', memory.take({ bytes: 10, owner: 'e', pace }))
  t.same(seen, ['fast'], 'past one that is not fast')
  rate = FAST / 4
  const next = memory.take({ bytes: 10, owner: 'f', pace: client(FAST).pace })
  await given.promise
  fast.release()
  await next
  t.same(seen, ['fast'])
  t.equal(medium.givenUp.length, 0, 'outside of the reserve it is fast enough')
  await t.rejects(waits, { code: 'HEADGATE_NO_PART_BUFFER' })
})

t.test('a rate covers the last seconds of waiting, and ignores earlier bursts', async t => {
  const meter = createRateMeter()
  meter.received(8_000_000)
  meter.waited(100)
  t.equal(meter.rate(0), Number.POSITIVE_INFINITY, 'too little to tell')
  t.equal(meter.rate(2_000), 0, 'silence')
  for (let n = 0; n < 4; n++) {
    meter.waited(250)
    meter.received(250)
  }
  t.ok(meter.rate(0) > 100_000, 'the burst still counts')
  for (let n = 0; n < 8; n++) {
    meter.waited(250)
    meter.received(250)
  }
  t.ok(meter.rate(0) < 2_000, `${meter.rate(0)}: the burst is over`)
})
