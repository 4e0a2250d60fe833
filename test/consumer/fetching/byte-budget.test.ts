import { setImmediate as pass } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { BudgetAccount } from '../../../services/consumer/fetching/budget-account.ts'
import { ByteBudget } from '../../../services/consumer/fetching/byte-budget.ts'

const MIB = 1024 ** 2
const KIB = 1024

/** Reserves without waiting for the result, which `granted` has once there is one. */
function reserve(
  t: Pick<Test, 'teardown'>,
  account: BudgetAccount,
  bytes: number,
  { isBehind = true, isKnown = true } = {},
) {
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const waiting: { granted: number | undefined; stop(): void } = { granted: undefined, stop: () => stop.abort() }
  void account.reserve({ bytes, isKnown, isBehind }, stop.signal).then(granted => {
    waiting.granted = granted
  })
  return waiting
}

t.test('a shard has room for a fetch up to its fair share', async t => {
  const budget = new ByteBudget(100)
  const [a, b] = [budget.open(), budget.open()]
  a.add(37)
  t.ok(a.hasRoom())
  a.add(1)
  t.notOk(a.hasRoom(), 'a quarter of the share is no longer free')
  t.ok(b.hasRoom(), 'and takes nothing from the others')
})

t.test('no shard has room while the whole budget is used', async t => {
  const budget = new ByteBudget(100)
  const [a, b] = [budget.open(), budget.open()]
  a.add(100)
  t.notOk(b.hasRoom())
  a.free(100)
  t.ok(b.hasRoom())
})

t.test('shards that wait for room are woken when bytes are freed or another account is closed', async t => {
  const budget = new ByteBudget(10)
  const [a, b] = [budget.open(), budget.open()]
  a.add(10)
  const freed = a.whenFreed()
  a.free(10)
  await freed
  a.add(10)
  const left = b.whenFreed()
  a.close()
  await left
  t.equal(budget.used, 0)
})

t.test('a shard that has exceeded the budget may receive a reply that is larger than expected', async t => {
  const budget = new ByteBudget(100)
  const [a, b] = [budget.open(), budget.open()]
  b.add(75)
  t.equal(
    await a.reserve({ bytes: 30, isKnown: true, isBehind: true }, new AbortController().signal),
    30,
    'it exceeds the budget',
  )
  // The other shard frees nothing, because it may wait for its turn as well.
  await a.raise(40, AbortSignal.timeout(5_000))
  t.equal(a.reserved, 40)
  const late = b.raise(200, AbortSignal.timeout(5_000))
  await pass()
  t.equal(b.reserved, 0, 'the reply of the other shard waits')
  a.settle()
  await late
  t.equal(b.reserved, 200)
})

t.test('when the first shard that waits gets memory, the next one has its turn', async t => {
  const budget = new ByteBudget(120)
  const [a, b, c] = [budget.open(), budget.open(), budget.open()]
  c.add(75)
  a.add(15)
  const first = reserve(t, a, 15)
  const second = reserve(t, b, 22)
  await pass()
  t.strictSame(
    [first.granted, second.granted],
    [undefined, undefined],
    'no part is large enough, and 5 bytes are common',
  )
  a.free(15)
  await pass()
  t.strictSame([first.granted, second.granted], [25, 22], 'the second one may exceed the budget')
})

t.test('bytes freed from a closed account are not counted twice', async t => {
  const budget = new ByteBudget(100)
  const a = budget.open()
  a.add(60)
  a.close()
  const again = budget.open()
  again.add(10)
  a.free(60)
  t.equal(budget.used, 10)
})

t.test('a shard that waits for room is woken when its own account is closed', async t => {
  const budget = new ByteBudget(10)
  const [a, b] = [budget.open(), budget.open()]
  a.add(10)
  const waiting = b.whenFreed()
  b.close()
  await waiting
  b.close()
  t.equal(budget.used, 10, 'and closing again changes nothing')
})

t.test(
  'the reply of the shard that has exceeded the budget does not wait behind the reply of another shard',
  async t => {
    const budget = new ByteBudget(100)
    const [full, other] = [budget.open(), budget.open()]
    t.ok(await other.reserve({ bytes: 20, isKnown: true, isBehind: true }, new AbortController().signal))
    full.add(60)
    const exceeding = budget.open()
    t.ok(await exceeding.reserve({ bytes: 20, isKnown: true, isBehind: true }, new AbortController().signal))
    const stop = new AbortController()
    t.teardown(() => stop.abort())
    const waiting = other.raise(other.reserved + 30, stop.signal)
    await exceeding.raise(exceeding.reserved + 30, AbortSignal.timeout(5_000))
    const size = exceeding.reserved
    t.ok(size >= 50, `${size} bytes`)
    exceeding.settle()
    exceeding.close()
    full.free(60)
    await waiting
    t.pass('the other reply follows')
  },
)

t.test('a shard whose record size is unknown exceeds the budget by one record', async t => {
  const budget = new ByteBudget(4 * MIB)
  const [full, a] = [budget.open(), budget.open()]
  full.add(4 * MIB)
  const first = reserve(t, a, 16 * KIB, { isKnown: false })
  await pass()
  t.equal(first.granted, 16 * KIB)
  a.settle()
  const second = reserve(t, a, 16 * KIB)
  await pass()
  t.equal(second.granted, 256 * KIB, 'and by a fetch that is worth its call once the size is known')
})

t.test('shards that are full of large records never reserve more than the budget together', async t => {
  const budget = new ByteBudget(64 * MIB)
  const accounts = Array.from({ length: 200 }, () => budget.open())
  const fetches = accounts.map(account => reserve(t, account, 300 * KIB))
  await pass()
  const reserved = accounts.reduce((sum, account) => sum + account.reserved, 0)
  t.ok(reserved > 32 * MIB, `${reserved} bytes`)
  t.ok(reserved <= 64 * MIB + 300 * KIB, `${reserved} bytes, with one shard that exceeds the budget`)
  t.ok(
    fetches.some(({ granted }) => granted === undefined),
    'and some wait',
  )
})

t.test('a shard with small records never waits for the handlers of others', async t => {
  const budget = new ByteBudget(64 * MIB)
  const backlogs = Array.from({ length: 199 }, () => budget.open())
  const tip = budget.open()
  for (let round = 0; round < 5; round++) {
    const fetches = backlogs.map(account => reserve(t, account, KIB))
    await pass()
    for (const [index, { granted }] of fetches.entries()) backlogs[index]?.add(granted ?? 0)
    for (const fetch of fetches) fetch.stop()
    await pass()
  }
  const fetch = reserve(t, tip, KIB, { isBehind: false })
  await pass()
  t.ok(Number(fetch.granted) >= 64 * KIB, `${fetch.granted} bytes, although the others are full`)
})

t.test('shards whose records are larger than their part take turns', async t => {
  const budget = new ByteBudget(8 * MIB)
  const accounts = Array.from({ length: 20 }, () => budget.open())
  const turns: number[] = []
  const isOver = () => turns.length >= 100
  await Promise.all(
    accounts.map(async (account, index) => {
      while (!isOver()) {
        await account.reserve({ bytes: MIB, isKnown: true, isBehind: true }, new AbortController().signal)
        turns.push(index)
        account.add(MIB)
        account.settle()
        await pass()
        account.free(MIB)
      }
    }),
  )
  for (const index of accounts.keys()) {
    const count = turns.slice(0, 100).filter(turn => turn === index).length
    t.ok(count >= 4 && count <= 6, `shard ${index} had ${count} turns of 100`)
  }
})

t.test('a shard with nothing in memory reads one reply beyond a full budget, and only one shard at a time', async t => {
  const budget = new ByteBudget(4 * MIB)
  const [full, a, b] = [budget.open(), budget.open(), budget.open()]
  full.add(4 * MIB)
  const [first, second] = [reserve(t, a, 3 * MIB), reserve(t, b, 3 * MIB)]
  await pass()
  t.equal(first.granted, 3 * MIB)
  t.equal(second.granted, undefined)
  a.add(3 * MIB)
  a.settle()
  a.free(3 * MIB)
  await pass()
  t.equal(second.granted, 3 * MIB, 'the next one when the first has none left')
})

t.test('a shard that is blocked by its own records does not keep the others waiting', async t => {
  const budget = new ByteBudget(8 * MIB)
  const [full, other] = [budget.open(), budget.open()]
  full.add(5 * MIB)
  const blocked = reserve(t, full, MIB)
  const free = reserve(t, other, 2.5 * MIB)
  await pass()
  t.equal(blocked.granted, undefined)
  t.equal(free.granted, 2.5 * MIB)
  full.free(3 * MIB)
  await pass()
  t.equal(blocked.granted, MIB)
})

t.test('a reply that is larger than its reservation waits until there is memory for it', async t => {
  const budget = new ByteBudget(4 * MIB)
  const [a, b] = [budget.open(), budget.open()]
  const { signal } = new AbortController()
  await a.reserve({ bytes: KIB, isKnown: true, isBehind: false }, signal)
  await b.reserve({ bytes: KIB, isKnown: true, isBehind: false }, signal)
  await a.raise(3 * MIB, signal)
  t.equal(a.reserved, 3 * MIB)
  let isRaised = false
  const raised = b.raise(6 * MIB, signal).then(() => {
    isRaised = true
  })
  const other = b.raise(0, signal)
  await pass()
  await other
  t.ok(isRaised, 'one reply may exceed the budget')
  await raised
  const c = budget.open()
  const late = c.raise(2 * MIB, signal).then(() => 'raised')
  t.equal(await Promise.race([late, pass('waits')]), 'waits', 'but no second one')
  b.settle()
  t.equal(await late, 'raised')
})

t.test('records use the reservation of their reply, and the rest is given back', async t => {
  const budget = new ByteBudget(4 * MIB)
  const [a, b] = [budget.open(), budget.open()]
  await a.reserve({ bytes: KIB, isKnown: true, isBehind: true }, new AbortController().signal)
  a.settle(MIB)
  a.add(MIB / 2)
  t.equal(a.used, MIB / 2)
  t.equal(a.reserved, MIB / 2)
  t.equal(budget.used, MIB / 2)
  a.settle()
  t.equal(a.held, MIB / 2)
  a.free(MIB / 2)
  t.equal(a.held + b.held, 0)
})

t.test(
  'a request that is withdrawn or whose account is closed gets nothing, and lets the next one through',
  async t => {
    const budget = new ByteBudget(4 * MIB)
    const [full, a, b, c] = [budget.open(), budget.open(), budget.open(), budget.open()]
    full.add(3 * MIB)
    a.add(1)
    b.add(1)
    c.add(1)
    const fetches = [a, b, c].map(account => reserve(t, account, 1.4 * MIB))
    await pass()
    t.same(
      fetches.map(({ granted }) => granted),
      [undefined, undefined, undefined],
    )
    fetches[0]?.stop()
    b.close()
    full.free(3 * MIB)
    await pass()
    t.same(
      fetches.slice(0, 2).map(({ granted }) => granted),
      [0, 0],
    )
    t.ok(Number(fetches[2]?.granted) >= 1.4 * MIB)
  },
)

t.test('a shard that needs less than one that waits longer does not overtake it', async t => {
  const budget = new ByteBudget(12 * MIB)
  const [full, a, b] = [budget.open(), budget.open(), budget.open()]
  full.add(7.5 * MIB)
  a.add(1)
  b.add(1)
  const [large, small] = [reserve(t, a, 3 * MIB), reserve(t, b, 2.4 * MIB)]
  await pass()
  t.same([large.granted, small.granted], [undefined, undefined])
  full.free(0.6 * MIB)
  await pass()
  t.equal(large.granted, 3 * MIB)
  t.equal(small.granted, undefined)
})

t.test('a part that others still use, because they came first, is not used twice', async t => {
  const budget = new ByteBudget(8 * MIB)
  const first = budget.open()
  first.add(8 * MIB)
  const later = [budget.open(), budget.open(), budget.open()]
  const fetches = later.map(account => reserve(t, account, KIB, { isBehind: false }))
  await pass()
  t.equal(fetches.filter(({ granted }) => granted !== undefined).length, 1, 'one shard may exceed the budget')
  first.free(4 * MIB)
  await pass()
  t.ok(fetches.every(({ granted }) => Number(granted) >= 256 * KIB))
})

t.test(
  'a shard that is within its part again, because other shards have gone, lets another one exceed the budget',
  async t => {
    const budget = new ByteBudget(100)
    const [a, b, c, d] = [budget.open(), budget.open(), budget.open(), budget.open()]
    a.add(40)
    b.add(40)
    const exceeding = reserve(t, c, 15)
    const next = reserve(t, d, 200)
    await pass()
    t.equal(exceeding.granted, 15)
    t.equal(next.granted, undefined)
    a.close()
    await pass()
    t.equal(next.granted, 200)
  },
)
