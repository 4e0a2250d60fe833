import t from 'tap'
import { FairQueue } from '../../../services/consumer/processing/fair-queue.ts'
import { YieldLimit } from '../../../services/consumer/processing/yield-limit.ts'

function queueOf({ maxRunningPerKey = 1_000, maxYielded = 1_000, maxYieldedPerKey = 1_000 } = {}) {
  const yields = new YieldLimit({ maxYielded, maxYieldedPerKey })
  let woken = 0
  const queue = new FairQueue<string>({ maxRunningPerKey, yields, onWoken: () => woken++ })
  const push = (key: string, ...items: string[]) => {
    const group = queue.enter(key)
    for (const item of items) queue.push(group, item)
    return group
  }
  const take = (count: number) => Array.from({ length: count }, () => queue.shift())
  return { queue, yields, push, take, wokenTimes: () => woken }
}

t.test('keys take turns, and items of a key stay in order', async t => {
  const { push, take } = queueOf()
  push('a', 'a1', 'a2', 'a3', 'a4')
  push('b', 'b1')
  push('c', 'c1', 'c2')
  t.same(take(8), ['a1', 'b1', 'c1', 'a2', 'c2', 'a3', 'a4', undefined])
})

t.test('a new key waits for at most one item of each other key', async t => {
  const { push, take } = queueOf()
  push('a', ...Array.from({ length: 10_000 }, (_, n) => `a${n}`))
  push('b', ...Array.from({ length: 10_000 }, (_, n) => `b${n}`))
  take(100)
  push('c', 'c1')
  t.ok(take(3).includes('c1'))
})

t.test('no key exceeds its running limit, and other keys continue', async t => {
  const { queue, push, take } = queueOf({ maxRunningPerKey: 2 })
  const a = push('a', 'a1', 'a2', 'a3', 'a4')
  push('b', 'b1', 'b2')
  t.same(take(5), ['a1', 'b1', 'a2', 'b2', undefined])
  queue.release(a)
  t.same(take(2), ['a3', undefined])
})

t.test('a key with too many yielded items waits, and is woken when one of them ends', async t => {
  const { queue, yields, push, take, wokenTimes } = queueOf({ maxYieldedPerKey: 2 })
  yields.tryYield('a')
  yields.tryYield('a')
  push('a', 'a1')
  push('b', 'b1')
  t.same(take(2), ['b1', undefined])
  t.equal(wokenTimes(), 0)
  yields.end('a')
  t.equal(wokenTimes(), 1)
  t.same(take(2), ['a1', undefined])
  t.equal(queue.size, 2)
})

t.test('a queued key that reaches its limit is skipped', async t => {
  const { yields, push, take } = queueOf({ maxYieldedPerKey: 1 })
  push('a', 'a1')
  yields.tryYield('a')
  t.same(take(1), [undefined])
  yields.end('a')
  t.same(take(1), ['a1'])
})

t.test('at the yield limit of the worker, keys without yielded items continue', async t => {
  const { yields, push, take, wokenTimes } = queueOf({ maxYielded: 2 })
  yields.tryYield('a')
  yields.tryYield('x')
  t.notOk(yields.tryYield('b'), 'the total is used up')
  push('a', 'a1')
  push('b', 'b1')
  t.same(take(2), ['b1', undefined])
  yields.end('x')
  t.equal(wokenTimes(), 1, 'the end of another key makes room')
  t.same(take(1), ['a1'])
})

t.test('a key is deleted with its last user', async t => {
  const { queue, push, take } = queueOf()
  const a = push('a', 'a1')
  t.equal(queue.enter('a'), a)
  take(1)
  queue.release(a)
  queue.leave(a)
  t.equal(queue.size, 1)
  queue.leave(a)
  t.equal(queue.size, 0)
})

t.test('a step takes the same time with a hundred thousand keys at their limit', async t => {
  const { queue, yields, push } = queueOf({ maxYielded: 100_000, maxYieldedPerKey: 1 })
  for (let n = 0; n < 100_000; n++) {
    yields.tryYield(`k${n}`)
    push(`k${n}`, `item of k${n}`)
  }
  const light = push('light')
  const startedAt = performance.now()
  for (let n = 0; n < 100_000; n++) {
    queue.push(light, 'light item')
    if (queue.shift() === undefined) t.fail('the light key has no turn')
    queue.release(light)
  }
  t.ok(performance.now() - startedAt < 10_000, 'a walk over all keys would take minutes')
})
