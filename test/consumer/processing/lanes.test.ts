import t from 'tap'
import type { LaneOutcome } from '../../../services/consumer/processing/job-runner.ts'
import { NO_KEY } from '../../../services/consumer/processing/lane-of.ts'
import { type Fairness, Lanes } from '../../../services/consumer/processing/lanes.ts'
import { YieldLimit } from '../../../services/consumer/processing/yield-limit.ts'

const noLimit = () => new YieldLimit({ maxYielded: 10_000, maxYieldedPerKey: 10_000 })

/** Lanes whose jobs end when the test decides. */
function manualLanes(
  concurrency: number,
  { fairness, yields = noLimit() }: { fairness?: Fairness<string>; yields?: YieldLimit } = {},
) {
  const running = new Map<string, (outcome: LaneOutcome) => void>()
  const yielding = new Map<string, () => boolean>()
  const started: string[] = []
  const lanes = new Lanes<string>({
    concurrency,
    yields,
    fairness,
    createRunner: (ended, yieldPlace) => job => {
      started.push(job)
      running.set(job, ended)
      yielding.set(job, yieldPlace)
      return undefined
    },
  })
  const end = async (job: string, outcome: LaneOutcome = 'done') => {
    running.get(job)?.(outcome)
    await new Promise(resolve => setImmediate(resolve))
  }
  const yieldPlace = async (job: string) => {
    const isYielded = yielding.get(job)?.()
    await new Promise(resolve => setImmediate(resolve))
    return isYielded
  }
  return { lanes, started, end, yieldPlace }
}

t.test('jobs of one key run in order, and jobs of different keys concurrently', async t => {
  const { lanes, started, end } = manualLanes(10)
  lanes.add('a', 'a1')
  lanes.add('a', 'a2')
  lanes.add('b', 'b1')
  t.same(started, ['a1', 'b1'])
  await end('a1')
  t.same(started, ['a1', 'b1', 'a2'])
})

t.test('no more than the allowed number of jobs run at once', async t => {
  const { lanes, started, end } = manualLanes(2)
  for (const key of ['a', 'b', 'c']) lanes.add(key, key)
  t.same(started, ['a', 'b'])
  await end('b')
  t.same(started, ['a', 'b', 'c'])
})

t.test('a job that waits for a retry frees its place, and its key waits for it', async t => {
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

t.test('closed lanes start no further job and wait for the running ones', async t => {
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

t.test('many jobs that end at once all run, in order within a key and within the concurrency', async t => {
  const done = new Map<number, number[]>()
  let [running, max, count] = [0, 0, 0]
  const all = Promise.withResolvers<void>()
  const end = ({ key, n }: { key: number; n: number }): LaneOutcome => {
    running--
    done.set(key, [...(done.get(key) ?? []), n])
    if (++count === 5_000) all.resolve()
    return 'done'
  }
  const lanes = new Lanes<{ key: number; n: number }>({
    concurrency: 7,
    yields: noLimit(),
    createRunner: ended => job => {
      max = Math.max(max, ++running)
      if (job.n % 3 > 0) return end(job)
      queueMicrotask(() => ended(end(job)))
      return undefined
    },
  })
  for (let n = 0; n < 5_000; n++) lanes.add(String(n % 50), { key: n % 50, n })
  await all.promise
  t.ok(max > 1 && max <= 7, `${max} at once`)
  t.ok([...done.values()].every(numbers => numbers.every((n, i) => i === 0 || n > (numbers[i - 1] ?? n))))
})

t.test('a job that yields its place continues while another one starts in its place', async t => {
  const { lanes, started, end, yieldPlace } = manualLanes(1)
  for (const key of ['a', 'b', 'c']) lanes.add(key, key)
  t.equal(await yieldPlace('a'), true)
  t.same(started, ['a', 'b'])
  await end('a')
  t.same(started, ['a', 'b'], 'the end of a job without a place makes no room')
  await end('b')
  t.same(started, ['a', 'b', 'c'])
})

t.test('later jobs of a key wait for a job that yielded its place', async t => {
  const { lanes, started, end, yieldPlace } = manualLanes(1)
  lanes.add('a', 'a1')
  lanes.add('a', 'a2')
  await yieldPlace('a1')
  t.same(started, ['a1'])
  await end('a1')
  t.same(started, ['a1', 'a2'])
})

t.test('a job added during a change of places does not overtake an earlier one of its key', async t => {
  const { lanes, started, end, yieldPlace } = manualLanes(1)
  lanes.add('a', 'a1')
  lanes.add('b', 'b1')
  const isYielded = yieldPlace('a1')
  lanes.add('b', 'b2')
  await isYielded
  t.same(started, ['a1', 'b1'])
  await end('b1')
  t.same(started, ['a1', 'b1', 'b2'])
})

t.test('yielding twice frees one place, and a retried job has a place again', async t => {
  const yields = noLimit()
  const { lanes, started, end, yieldPlace } = manualLanes(1, { yields })
  for (const key of ['a', 'b', 'c']) lanes.add(key, key)
  await Promise.all([yieldPlace('a'), yieldPlace('a')])
  await yieldPlace('a')
  t.same(started, ['a', 'b'])
  const later = Promise.withResolvers<void>()
  await end('a', { later: later.promise })
  t.equal(yields.total, 0)
  later.resolve()
  await new Promise(resolve => setImmediate(resolve))
  t.same(started, ['a', 'b'], 'the retry waits for a place')
  await end('b')
  t.same(started, ['a', 'b', 'a'], 'a job that was begun before comes first')
})

t.test('at the limit of the worker a job keeps its place', async t => {
  const yields = new YieldLimit({ maxYielded: 1, maxYieldedPerKey: 1 })
  const { lanes, started, end, yieldPlace } = manualLanes(1, { yields })
  for (const key of ['a', 'b', 'c']) lanes.add(key, key)
  t.equal(await yieldPlace('a'), true)
  t.equal(await yieldPlace('b'), false)
  t.same(started, ['a', 'b'])
  await end('a')
  t.equal(await yieldPlace('b'), true)
  t.same(started, ['a', 'b', 'c'])
})

t.test('closed lanes wait for jobs without a place, and abandoned ones are no longer counted', async t => {
  const yields = noLimit()
  const { lanes, started, end, yieldPlace } = manualLanes(1, { yields })
  for (const key of ['a', 'b', 'c']) lanes.add(key, key)
  await yieldPlace('a')
  let isClosed = false
  const closing = lanes.close().then(() => {
    isClosed = true
  })
  t.equal(await yieldPlace('b'), false, 'a place that nothing may start in is kept')
  await end('b')
  t.notOk(isClosed, 'a is in flight')
  t.equal(yields.total, 1)
  lanes.abandon()
  t.equal(yields.total, 0)
  await end('a')
  await closing
  t.equal(yields.total, 0)
  t.same(started, ['a', 'b'])
})

t.test('a job that yields in the moment in which its lanes are abandoned is not counted', async t => {
  const yields = noLimit()
  const { lanes, yieldPlace } = manualLanes(1, { yields })
  lanes.add('a', 'a')
  const isYielded = yieldPlace('a')
  lanes.abandon()
  await isYielded
  t.equal(yields.total, 0)
})

t.test('thousands of jobs that yield and end before they return do not exhaust the stack', async t => {
  let count = 0
  const yields = noLimit()
  const lanes = new Lanes<number>({
    concurrency: 2,
    yields,
    fairness: { keyOf: job => String(job % 7), maxRunningPerKey: 1 },
    createRunner: (_, yieldPlace) => () => {
      yieldPlace()
      count++
      return 'done'
    },
  })
  for (let job = 0; job < 50_000; job++) lanes.add(`key ${job % 11}`, job)
  await new Promise(resolve => setImmediate(resolve))
  t.equal(count, 50_000)
  t.equal(yields.total, 0)
})

t.test('jobs without a key run concurrently, and one that waits for a retry delays no other', async t => {
  const { lanes, started, end } = manualLanes(2)
  for (const job of ['1', '2', '3', '4']) lanes.add(NO_KEY, job)
  t.same(started, ['1', '2'])
  const later = Promise.withResolvers<void>()
  await end('1', { later: later.promise })
  await end('2')
  t.same(started, ['1', '2', '3', '4'])
  later.resolve()
  await end('3')
  t.same(started, ['1', '2', '3', '4', '1'])
})

t.test('jobs without a key take turns by fairness key, and yield their places', async t => {
  const fairness = { keyOf: (job: string) => job.slice(0, 1), maxRunningPerKey: 2 }
  const { lanes, started, end, yieldPlace } = manualLanes(3, { fairness })
  for (const job of ['a1', 'a2', 'a3', 'b1']) lanes.add(NO_KEY, job)
  t.same(started, ['a1', 'a2', 'b1'])
  t.equal(await yieldPlace('a1'), true)
  t.same(started, ['a1', 'a2', 'b1', 'a3'])
  for (const job of ['a1', 'a2', 'b1', 'a3']) await end(job)
  lanes.add(NO_KEY, 'a4')
  t.equal(started.at(-1), 'a4', 'every place and turn is free again')
})
