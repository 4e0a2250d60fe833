import t from 'tap'
import { createMemoryBudget } from '../../services/worker/memory-budget.ts'
import { seededRandom } from '../uploads/examples.ts'

const { signal: never } = new AbortController()

/** Asks, and notes when it was let in. */
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

t.test('what fits is let in at once, what does not waits until something is given back', async t => {
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
  t.ok(tryTake(10), 'everything is back')
})

t.test('nobody is passed over: little behind much waits for its turn', async t => {
  const { take, tryTake } = createMemoryBudget(10)
  const { order, ask } = asker(take)
  const first = await ask('first', 5)
  const much = ask('much', 9)
  const little = ask('little', 1)
  await turn()
  t.equal(tryTake(1), undefined, 'not even who does not wait')
  t.strictSame(order, ['first'])
  first()
  await Promise.all([much, little])
  t.strictSame(order, ['first', 'much', 'little'])
})

t.test('who asks for more than there is has all of it, alone', async t => {
  const { take, tryTake } = createMemoryBudget(10)
  const huge = await take(1_000, never)
  t.equal(tryTake(1), undefined)
  huge()
  t.ok(tryTake(10))
})

t.test('who is called off while waiting leaves the queue, holds nothing and holds nobody up', async t => {
  const { take, tryTake } = createMemoryBudget(10)
  const { order, ask } = asker(take)
  const first = await ask('first', 5)
  const calledOff = new AbortController()
  const much = ask('much', 9, calledOff.signal)
  const little = ask('little', 5)
  const reason = new Error('stopping')
  calledOff.abort(reason)
  await t.rejects(much, reason)
  const free = await little
  t.strictSame(order, ['first', 'little'])
  first()
  free()
  t.ok(tryTake(10))
  await t.rejects(take(1, AbortSignal.abort(reason)), reason, 'nor is who was called off before let in')
})

t.test('whatever comes and goes, no more is held than there is, and all of it comes back', async t => {
  const random = seededRandom(42)
  const { take, tryTake } = createMemoryBudget(100)
  let held = 0
  let most = 0
  let admitted = 0
  const one = async () => {
    const bytes = 1 + Math.floor(random() * 60)
    const calledOff = new AbortController()
    if (random() < 0.3) setImmediate(() => calledOff.abort())
    const free = await take(bytes, calledOff.signal).catch(() => undefined)
    if (!free) return
    admitted++
    held += bytes
    most = Math.max(most, held)
    for (let turns = Math.floor(random() * 4); turns > 0; turns--) await turn()
    held -= bytes
    free()
  }
  await Promise.all(Array.from({ length: 1_000 }, one))
  t.ok(most <= 100 && most > 60, `${most} at most`)
  t.ok(admitted > 500)
  t.ok(tryTake(100))
})
