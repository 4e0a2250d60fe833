import t from 'tap'
import { createMemoryBudget } from '../../services/worker/processing/memory-budget.ts'
import { seededRandom } from '../uploads/examples.ts'

const { signal: never } = new AbortController()

/** Creates a function that takes memory, and a list of names in the order in which memory was granted. */
function asker(take: ReturnType<typeof createMemoryBudget>['take']) {
  const order: string[] = []
  const ask = async (name: string, bytes: number, signal = never) => {
    const free = await take(bytes, signal)
    order.push(name)
    return free
  }
  return { order, ask }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

t.test('a request that fits is granted at once, and another waits until memory is released', async t => {
  const { take, tryTake } = createMemoryBudget(10)
  const { order, ask } = asker(take)
  const a = await ask('a', 6)
  t.equal(tryTake(5), undefined)
  const b = await ask('b', 4)
  const c = ask('c', 5)
  await turn()
  t.strictSame(order, ['a', 'b'])
  b()
  await turn()
  t.strictSame(order, ['a', 'b'])
  a()
  ;(await c)()
  t.strictSame(order, ['a', 'b', 'c'])
  t.ok(tryTake(10), 'all memory is released')
})

t.test('a small request does not overtake a large one that waits', async t => {
  const { take, tryTake } = createMemoryBudget(10)
  const { order, ask } = asker(take)
  const first = await ask('first', 5)
  const much = ask('much', 9)
  const little = ask('little', 1)
  await turn()
  t.equal(tryTake(1), undefined, 'tryTake does not overtake either')
  t.strictSame(order, ['first'])
  first()
  await Promise.all([much, little])
  t.strictSame(order, ['first', 'much', 'little'])
})

t.test('a request for more than the budget is granted alone', async t => {
  const { take, tryTake } = createMemoryBudget(10)
  const huge = await take(1_000, never)
  t.equal(tryTake(1), undefined)
  huge()
  t.ok(tryTake(10))
})

t.test('a request that is aborted while it waits leaves the queue and does not block others', async t => {
  const { take, tryTake } = createMemoryBudget(10)
  const { order, ask } = asker(take)
  const first = await ask('first', 5)
  const aborter = new AbortController()
  const much = ask('much', 9, aborter.signal)
  const little = ask('little', 5)
  const reason = new Error('stopping')
  aborter.abort(reason)
  await t.rejects(much, reason)
  const free = await little
  t.strictSame(order, ['first', 'little'])
  first()
  free()
  t.ok(tryTake(10))
  await t.rejects(take(1, AbortSignal.abort(reason)), reason, 'a request with an aborted signal is rejected')
})

t.test('random requests never hold more than the budget, and release all of it', async t => {
  const random = seededRandom(42)
  const { take, tryTake } = createMemoryBudget(100)
  let held = 0
  let max = 0
  let admitted = 0
  const one = async () => {
    const bytes = 1 + Math.floor(random() * 60)
    const aborter = new AbortController()
    if (random() < 0.3) setImmediate(() => aborter.abort())
    const free = await take(bytes, aborter.signal).catch(() => undefined)
    if (!free) return
    admitted++
    held += bytes
    max = Math.max(max, held)
    for (let turns = Math.floor(random() * 4); turns > 0; turns--) await turn()
    held -= bytes
    free()
  }
  await Promise.all(Array.from({ length: 1_000 }, one))
  t.ok(max <= 100 && max > 60, `at most ${max}`)
  t.ok(admitted > 500)
  t.ok(tryTake(100))
})

t.test('owners take turns, and requests of one owner keep their order', async t => {
  const { take } = createMemoryBudget(1)
  const order: string[] = []
  const first = await take(1, never, 'a')
  const asked = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map(async name => {
    const free = await take(1, never, name.slice(0, 1))
    order.push(name)
    free()
  })
  first()
  await Promise.all(asked)
  t.strictSame(order, ['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
})

t.test('several requests of one owner hold at most its share, and do not block other owners', async t => {
  const { take, tryTake } = createMemoryBudget(8, 6)
  const held = [await take(3, never, 'a'), await take(3, never, 'a')]
  t.equal(tryTake(1, 'a'), undefined, 'a quarter is reserved for others')
  const waits = take(1, never, 'a')
  const other = tryTake(2, 'b')
  t.ok(other, 'another owner overtakes the owner that holds its share')
  held[0]?.()
  ;(await waits)()
  held[1]?.()
  other?.()
  t.ok(tryTake(8, 'a'), 'a request over the share is granted if its owner holds nothing else')
})

t.test('a large request is granted while small ones keep arriving', async t => {
  const { take } = createMemoryBudget(8, 6)
  let isAdmitted = false
  let small = 0
  const stream = async (owner: string) => {
    while (!isAdmitted && small < 10_000) {
      const free = await take(1, never, owner)
      small++
      await turn()
      free()
    }
  }
  const streams = ['a', 'b', 'c', 'd'].map(stream)
  await turn()
  const free = await take(8, never, 'large')
  isAdmitted = true
  free()
  await Promise.all(streams)
  t.ok(small < 100, `${small} requests overtook it`)
})

t.test('the cost of a waiting request does not grow with their number', async t => {
  const { take, tryTake } = createMemoryBudget(2)
  const first = await take(2, never, 'x')
  // Each request has its own signal, as records do, because a signal searches all its listeners.
  const callers = Array.from({ length: 20_000 }, () => new AbortController())
  const waiting = callers.map(({ signal }, n) =>
    take(1, signal, `owner ${n % 500}`).then(
      free => free(),
      () => undefined,
    ),
  )
  const startedAt = performance.now()
  for (const [n, caller] of callers.entries()) if (n % 2 === 0) caller.abort()
  first()
  await Promise.all(waiting)
  t.ok(performance.now() - startedAt < 10_000, 'a search through all requests each time would take longer')
  t.ok(tryTake(2))
})
