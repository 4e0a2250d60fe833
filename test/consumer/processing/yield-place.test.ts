import t from 'tap'
import type { ConsumerRecord, RecordContext } from '../../../services/consumer/index.ts'
import { numberOf, processorOf, recordOf } from './support.ts'

/** Handlers that end when the test decides. */
function manualHandler() {
  const calls: Array<{ n: number; context: RecordContext; end(error?: Error): void }> = []
  const handler = (record: ConsumerRecord, context: RecordContext) => {
    const done = Promise.withResolvers<void>()
    const end = (error?: Error) => (error ? done.reject(error) : done.resolve())
    calls.push({ n: numberOf(record), context, end })
    return done.promise
  }
  const numbers = () => calls.map(({ n }) => n)
  const callOf = (n: number) => {
    const call = calls.findLast(one => one.n === n)
    if (!call) throw new Error(`record ${n} has not started`)
    return call
  }
  return { handler, calls, numbers, callOf }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

t.test('the checkpoint waits for a record that yielded its place, and later records continue', async t => {
  const { handler, numbers, callOf } = manualHandler()
  const { processor, progress, yields } = processorOf({ handler, concurrency: 1 })
  processor.add([recordOf(1), recordOf(2), recordOf(3)])
  t.ok(callOf(1).context.yieldPlace())
  await turn()
  callOf(2).end()
  await turn()
  t.same(numbers(), [1, 2, 3])
  callOf(3).end()
  await turn()
  t.match(progress(), { sequenceNumber: 'TRIM_HORIZON' })
  t.equal(processor.pending, 3)
  t.equal(yields.total, 1)
  callOf(1).end()
  await turn()
  t.match(progress(), { sequenceNumber: '3' })
  t.equal(yields.total, 0)
})

t.test('a record that fails without a place is retried with one', async t => {
  const { handler, calls, callOf } = manualHandler()
  const { processor, clock, yields } = processorOf({ handler, concurrency: 1 })
  processor.add([recordOf(1), recordOf(2)])
  callOf(1).context.yieldPlace()
  await turn()
  callOf(1).end(new Error('not now'))
  await turn()
  t.equal(yields.total, 0)
  await clock.pass(500)
  t.equal(calls.length, 2, 'the retry waits for the place of record 2')
  callOf(2).end()
  await turn()
  t.same([callOf(1).context.attempt, callOf(1).context.yieldPlace()], [2, true])
})

t.test('a handler that hangs without a place is timed out and retried', async t => {
  const { handler, calls, callOf } = manualHandler()
  const { processor, clock, yields, emittedNames } = processorOf({ handler, concurrency: 1, handlerTimeoutMs: 1_000 })
  processor.add([recordOf(1)])
  const { context } = callOf(1)
  context.yieldPlace()
  await clock.pass(1_000)
  t.ok(context.signal.aborted)
  await clock.until(() => calls.length === 2)
  t.ok(emittedNames().includes('recordFailed'))
  t.equal(yields.total, 0)
  t.equal(context.yieldPlace(), false, 'the first call has no place any more')
  t.equal(yields.total, 0)
})

t.test('yieldPlace of an ended call does not free the place of the next record', async t => {
  const { handler, numbers, callOf } = manualHandler()
  const { processor } = processorOf({ handler, concurrency: 1 })
  processor.add([recordOf(1), recordOf(2), recordOf(3)])
  callOf(1).end()
  await turn()
  t.equal(callOf(1).context.yieldPlace(), false)
  await turn()
  t.same(numbers(), [1, 2])
})

t.test('a stop waits for a record without a place, and a lost lease signals it', async t => {
  const { handler, callOf } = manualHandler()
  const { processor, lose, yields } = processorOf({ handler, concurrency: 1 })
  processor.add([recordOf(1), recordOf(2)])
  callOf(1).context.yieldPlace()
  await turn()
  let isClosed = false
  const closing = processor.close().then(() => {
    isClosed = true
  })
  callOf(2).end()
  await turn()
  t.notOk(isClosed)
  lose()
  t.ok(callOf(1).context.signal.aborted)
  t.equal(yields.total, 0, 'a handler that ignores its signal does not count for ever')
  callOf(1).end(new Error('called off'))
  await closing
  t.equal(yields.total, 0)
})

t.test('a record that yielded its place decides about a half-open breaker', async t => {
  const { handler, calls, callOf } = manualHandler()
  const down = Object.assign(new Error('down'), { name: 'ServiceUnavailable' })
  const { processor, clock, breaker } = processorOf({
    ...{ handler, concurrency: 2, breaker: { failures: 1, firstMs: 1_000, maxMs: 10_000 } },
    retry: { firstMs: 60_000, maxMs: 60_000 },
  })
  processor.add([recordOf(1), recordOf(2)])
  callOf(1).context.yieldPlace()
  await turn()
  callOf(2).end(down)
  await turn()
  t.equal(breaker.state, 'open')
  callOf(1).end()
  await turn()
  t.equal(breaker.state, 'open', 'record 1 started before the failure and says nothing of how things are now')
  processor.add([recordOf(3), recordOf(4)])
  await clock.until(() => calls.some(({ n }) => n === 3))
  callOf(3).context.yieldPlace()
  await turn()
  t.equal(breaker.state, 'half-open')
  t.notOk(
    calls.some(({ n }) => n === 4),
    'the place is free, but the breaker lets one record through at a time',
  )
  callOf(3).end()
  await clock.until(() => calls.some(({ n }) => n === 4))
  t.equal(breaker.state, 'closed')
})

t.test('records of different fairness keys start in turns, and one key leaves places to the others', async t => {
  const { handler, numbers, callOf } = manualHandler()
  const { processor } = processorOf({
    ...{ handler, concurrency: 4, fairnessKey: ({ partitionKey }) => partitionKey?.slice(0, 1) },
  })
  processor.add(Array.from({ length: 100 }, (_, n) => recordOf(n + 1, `a${n}`)))
  t.same(numbers(), [1, 2, 3], 'three quarters of the places')
  processor.add([recordOf(101, 'b1'), recordOf(102, 'b2')])
  t.same(numbers(), [1, 2, 3, 101])
  callOf(1).end()
  await turn()
  t.same(numbers(), [1, 2, 3, 101, 102], 'the turn of b')
})

t.test('a key at its limit of yielded records starts no further one', async t => {
  const { handler, numbers, callOf } = manualHandler()
  const { processor } = processorOf({
    ...{ handler, concurrency: 2, maxYieldedPerFairnessKey: 3 },
    fairnessKey: ({ partitionKey }) => partitionKey?.slice(0, 1),
  })
  processor.add(Array.from({ length: 100 }, (_, n) => recordOf(n + 1, `a${n}`)))
  for (const n of [1, 2, 3]) {
    callOf(n).context.yieldPlace()
    await turn()
  }
  t.same(numbers(), [1, 2, 3])
  processor.add([recordOf(101, 'b1')])
  t.same(numbers(), [1, 2, 3, 101])
  callOf(2).end()
  await turn()
  t.same(numbers(), [1, 2, 3, 101, 4])
})

for (const [name, fairnessKey] of Object.entries({
  throws: () => {
    throw new Error('no key today')
  },
  'returns a number': () => 5 as unknown as string,
  'returns a promise that rejects': () => Promise.reject(new Error('late')) as unknown as string,
})) {
  t.test(`a fairness key that ${name} is a fault, and the records are handled`, async t => {
    const { processor, emitted } = processorOf({ handler: () => undefined, fairnessKey })
    processor.add([recordOf(1), recordOf(2)])
    await processor.whenDrained()
    t.match(emitted, [
      { name: 'fault', event: { operation: 'fairnessKey', shardId: 'shard', error: Error } },
      { name: 'fault' },
    ])
  })
}

t.test('the order within a partition key holds with any fairness keys, yields and failures', async t => {
  let state = 7
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 1
    return (state >>> 8) / 2 ** 23
  }
  const done = new Map<string, number[]>()
  const handler = async (record: ConsumerRecord, context: RecordContext) => {
    if (random() < 0.5) await turn()
    if (random() < 0.5) context.yieldPlace()
    if (random() < 0.5) await turn()
    if (random() < 0.2) throw new Error('fails')
    const { partitionKey = '' } = record
    done.set(partitionKey, [...(done.get(partitionKey) ?? []), numberOf(record)])
  }
  const { processor, clock, yields } = processorOf({
    ...{ handler, concurrency: 5, retry: { firstMs: 1, maxMs: 2 }, maxYielded: 10_000, maxYieldedPerFairnessKey: 4 },
    fairnessKey: record => (random() < 0.1 ? undefined : `f${numberOf(record) % 4}`),
  })
  for (let n = 0; n < 1_000; n += 10) {
    processor.add(Array.from({ length: 10 }, (_, i) => recordOf(n + i + 1, `k${Math.floor(random() * 20)}`)))
    await turn()
  }
  await clock.until(() => processor.pending === 0)
  t.equal([...done.values()].flat().length, 1_000)
  for (const [key, numbers] of done)
    t.same(
      numbers,
      numbers.toSorted((a, b) => a - b),
      `in order in ${key}`,
    )
  t.equal(yields.total, 0)
})
