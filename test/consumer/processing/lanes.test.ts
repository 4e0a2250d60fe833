import t from 'tap'
import { type LaneOutcome, Lanes } from '../../../services/consumer/processing/lanes.ts'

/** Lanes whose jobs end when the test says so. */
function manualLanes(concurrency: number) {
  const running = new Map<string, (outcome: LaneOutcome) => void>()
  const started: string[] = []
  const lanes = new Lanes<string>(concurrency, ended => job => {
    started.push(job)
    running.set(job, ended)
    return undefined
  })
  const end = async (job: string, outcome: LaneOutcome = 'done') => {
    running.get(job)?.(outcome)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { lanes, started, end }
}

t.test('jobs of one key run one after the other, of different keys beside each other', async t => {
  const { lanes, started, end } = manualLanes(10)
  lanes.add('a', 'a1')
  lanes.add('a', 'a2')
  lanes.add('b', 'b1')
  t.same(started, ['a1', 'b1'])
  await end('a1')
  t.same(started, ['a1', 'b1', 'a2'])
})

t.test('no more jobs run at once than are allowed', async t => {
  const { lanes, started, end } = manualLanes(2)
  for (const key of ['a', 'b', 'c']) lanes.add(key, key)
  t.same(started, ['a', 'b'])
  await end('b')
  t.same(started, ['a', 'b', 'c'])
})

t.test('a job to be tried later gives its place away, and its key waits for it', async t => {
  const { lanes, started, end } = manualLanes(1)
  lanes.add('a', 'a1')
  lanes.add('a', 'a2')
  lanes.add('b', 'b1')
  const later = Promise.withResolvers<void>()
  await end('a1', { later: later.promise })
  t.same(started, ['a1', 'b1'])
  await end('b1')
  t.same(started, ['a1', 'b1'], 'a2 does not pass a1')
  later.resolve()
  await new Promise(resolve => setImmediate(resolve))
  t.same(started, ['a1', 'b1', 'a1'])
  await end('a1')
  t.same(started, ['a1', 'b1', 'a1', 'a2'])
})

t.test('closed lanes start nothing more and wait for what runs', async t => {
  const { lanes, started, end } = manualLanes(1)
  lanes.add('a', 'a1')
  lanes.add('b', 'b1')
  let closed = false
  const closing = lanes.close().then(() => {
    closed = true
  })
  t.notOk(closed)
  await end('a1')
  await closing
  t.ok(closed)
  t.same(started, ['a1'])
})

t.test(
  'many jobs of many keys that end at once all run, each key in order and no more at once than are allowed',
  async t => {
    const done = new Map<number, number[]>()
    let [running, most, count] = [0, 0, 0]
    const all = Promise.withResolvers<void>()
    const end = ({ key, n }: { key: number; n: number }): LaneOutcome => {
      running--
      done.set(key, [...(done.get(key) ?? []), n])
      if (++count === 5_000) all.resolve()
      return 'done'
    }
    const lanes = new Lanes<{ key: number; n: number }>(7, ended => job => {
      most = Math.max(most, ++running)
      if (job.n % 3 > 0) return end(job)
      queueMicrotask(() => ended(end(job)))
      return undefined
    })
    for (let n = 0; n < 5_000; n++) lanes.add(String(n % 50), { key: n % 50, n })
    await all.promise
    t.ok(most > 1 && most <= 7, `${most} at once`)
    t.ok([...done.values()].every(numbers => numbers.every((n, i) => i === 0 || n > (numbers[i - 1] ?? n))))
  },
)
