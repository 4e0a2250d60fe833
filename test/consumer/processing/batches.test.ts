import t from 'tap'
import { BatchFailure } from '../../../services/consumer/index.ts'
import { laneOf } from '../../../services/consumer/processing/lane-of.ts'
import type { ConsumerRecord } from '../../../services/consumer/record.ts'
import { at } from '../leases/support.ts'
import { numberOf, processorOf, recordOf } from './support.ts'

const numbers = (records: readonly ConsumerRecord[]) => records.map(numberOf)
const range = (count: number, keys = count) => Array.from({ length: count }, (_, i) => recordOf(i, `k${i % keys}`))

t.test('records come in batches, in the order of the shard, each once', async t => {
  const batches: number[][] = []
  const { processor, clock, progress, counters } = processorOf({
    batchHandler: async records => void batches.push(numbers(records)),
    batch: { maxRecords: 4 },
  })
  processor.add(range(10))
  await clock.until(() => processor.pending === 0)
  t.same(batches, [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9],
  ])
  t.same(progress(), at('9'))
  t.equal(counters.recordsHandled, 10)
})

t.test('the checkpoint moves with finished batches, not with fetches', async t => {
  const second = Promise.withResolvers<void>()
  const { processor, clock, progress } = processorOf({
    batchHandler: async records => {
      if (numbers(records).includes(2)) await second.promise
    },
    batch: { maxRecords: 2 },
  })
  processor.add(range(4))
  await clock.pass(10)
  t.same(progress(), at('1'))
  second.resolve()
  await clock.until(() => processor.pending === 0)
  t.same(progress(), at('3'))
})

t.test('a batch waits to fill for at most maxWaitMs', async t => {
  const batches: Array<[number, number[]]> = []
  const { processor, clock } = processorOf({
    batchHandler: async records => void batches.push([clock.now(), numbers(records)]),
    batch: { maxRecords: 3, maxWaitMs: 1_000 },
  })
  processor.add([recordOf(1)])
  await clock.pass(600)
  processor.add([recordOf(2)])
  await clock.pass(600)
  processor.add([recordOf(3), recordOf(4), recordOf(5)])
  await clock.pass(0)
  t.same(batches, [
    [1_000, [1, 2]],
    [1_200, [3, 4, 5]],
  ])
})

t.test('at the end of a shard, or without room for more records, a batch does not wait to fill', async t => {
  // A record counts as about 260 bytes.
  for (const maxBufferedBytes of [1_200, 10_000]) {
    const batches: number[][] = []
    const options = {
      batchHandler: async (records: readonly ConsumerRecord[]) => void batches.push(numbers(records)),
      batch: { maxRecords: 100, maxWaitMs: 300_000 },
    }
    const { processor, clock } = processorOf(options, { maxBufferedBytes })
    processor.add(range(5))
    if (maxBufferedBytes === 10_000) {
      await clock.pass(10_000)
      t.same(batches, [])
      void processor.whenDrained()
    }
    await clock.pass(0)
    t.same(batches, [[0, 1, 2, 3, 4]])
  }
})

t.test('concurrent batches have no key in common', async t => {
  const inFlight = new Set<string>()
  let max = 0
  const { processor, clock } = processorOf({
    batchHandler: async records => {
      const keys = new Set(records.map(({ partitionKey = '' }) => partitionKey))
      for (const key of keys) if (inFlight.has(key)) t.fail(`${key} is in two batches at once`)
      for (const key of keys) inFlight.add(key)
      max = Math.max(max, new Set([...inFlight]).size)
      await clock.sleep(10)
      for (const key of keys) inFlight.delete(key)
    },
    batch: { maxRecords: 5 },
    concurrency: 8,
  })
  processor.add(range(200, 20))
  await clock.until(() => processor.pending === 0)
  t.ok(max > 5, 'and are side by side')
})

t.test('halving finds the record that makes its batch fail, and the others are handled once', async t => {
  const calls: number[][] = []
  const letters: unknown[] = []
  const { processor, clock, progress, emittedNames } = processorOf({
    batchHandler: async records => {
      calls.push(numbers(records))
      if (numbers(records).includes(5)) throw new Error('poison')
    },
    batch: { maxRecords: 8 },
    retry: { firstMs: 10, maxMs: 100, maxAttempts: 3 },
    deadLetter: async ({ sequenceNumber }, { attempts, reason }) =>
      void letters.push([sequenceNumber, attempts, reason]),
  })
  processor.add(range(8))
  await clock.until(() => processor.pending === 0)
  t.same(calls, [[0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [4], [5], [5], [5], [6, 7]])
  t.same(letters, [['5', 3, 'too many attempts']], 'failures of its batch do not count for it')
  t.same(progress(), at('7'))
  t.same(
    emittedNames().filter(name => !name.startsWith('batchS') && !name.startsWith('batchH')),
    ['batchFailed', 'batchFailed', 'batchFailed', 'recordFailed', 'recordFailed', 'recordDeadLettered'],
  )
})

t.test('only the records named by a BatchFailure are retried', async t => {
  const calls: number[][] = []
  const { processor, clock, progress } = processorOf({
    batchHandler: async records => {
      calls.push(numbers(records))
      const failed = records.filter(record => numberOf(record) % 3 === 1 && calls.length < 3)
      if (failed.length > 0) throw new BatchFailure(failed)
    },
    batch: { maxRecords: 8 },
  })
  processor.add(range(9))
  await clock.until(() => calls.length === 1)
  await clock.pass(1)
  t.same(progress(), at('0'), 'the checkpoint stays before the first that failed')
  await clock.until(() => processor.pending === 0)
  t.same(calls, [[0, 1, 2, 3, 4, 5, 6, 7], [1, 4, 7], [1, 4, 7], [8]])
})

t.test('each record of a BatchFailure is classified by its own error', async t => {
  const letters: string[] = []
  const calls: number[][] = []
  const { processor, clock } = processorOf({
    batchHandler: async records => {
      calls.push(numbers(records))
      if (calls.length > 1) return
      throw new BatchFailure([
        { sequenceNumber: '1', error: new RangeError('final') },
        { sequenceNumber: '2', error: new Error('not yet') },
      ])
    },
    retry: { classify: error => (error instanceof RangeError ? 'give up' : 'retry') },
    deadLetter: async record => void letters.push(record.sequenceNumber),
  })
  processor.add(range(4))
  await clock.until(() => processor.pending === 0)
  t.same(calls, [[0, 1, 2, 3], [2]])
  t.same(letters, ['1'])
})

t.test('a batch is retried unchanged after a failure of a dependency', async t => {
  const calls: number[] = []
  const { processor, clock, emitted, emittedNames } = processorOf({
    batchHandler: async records => {
      calls.push(records.length)
      if (calls.length < 5) throw Object.assign(new Error('x'), { name: 'ServiceUnavailable' })
    },
    breaker: { failures: 2, firstMs: 100, maxMs: 100 },
    retry: { maxAttempts: 1 },
    deadLetter: () => Promise.reject(new Error('nothing is to be given up')),
  })
  processor.add(range(6))
  await clock.until(() => processor.pending === 0)
  t.same(calls, [6, 6, 6, 6, 6])
  t.match(emitted.find(({ name }) => name === 'batchFailed')?.event, { halved: false })
  t.ok(emittedNames().includes('breakerOpened'))
})

t.test('a close waits for the batch in flight and starts no other', async t => {
  const calls: number[][] = []
  const finish = Promise.withResolvers<void>()
  const { processor, clock, progress } = processorOf({
    batchHandler: async records => {
      calls.push(numbers(records))
      await finish.promise
    },
    batch: { maxRecords: 2 },
  })
  processor.add(range(6))
  await clock.pass(1)
  let closed = false
  const closing = processor.close().then(() => {
    closed = true
  })
  await clock.pass(1)
  t.notOk(closed)
  finish.resolve()
  await closing
  t.same(calls, [[0, 1]])
  t.same(progress(), at('1'))
})

t.test('a close ends the wait for a retry', async t => {
  const { processor, clock, lose } = processorOf({
    batchHandler: () => Promise.reject(new Error('no')),
    retry: { firstMs: 3_600_000, maxMs: 3_600_000 },
  })
  processor.add(range(3))
  await clock.pass(1)
  await processor.close()
  lose()
  t.ok(clock.now() < 1_000)
})

t.test('a batch of records without a key that is retried delays no other batch', async t => {
  const done: number[] = []
  const { processor, clock, progress } = processorOf({
    batchHandler: async records => {
      if (numbers(records).includes(0)) throw new Error('poison')
      done.push(...numbers(records))
    },
    batch: { maxRecords: 2 },
    concurrency: 2,
    retry: { firstMs: 60_000, maxMs: 60_000 },
  })
  const keyless = (number: number) => recordOf(number, '', { partitionKey: undefined })
  processor.add([keyless(0), keyless(1)])
  await clock.pass(1)
  t.same(done, [], 'the first batch failed and waits')
  processor.add(Array.from({ length: 20 }, (_, i) => keyless(i + 2)))
  await clock.pass(1)
  t.same(
    done,
    Array.from({ length: 20 }, (_, i) => i + 2),
  )
  t.same(progress(), at('TRIM_HORIZON'))
  processor.add([recordOf(30, 'a'), keyless(31), recordOf(32, 'b'), keyless(33)])
  await clock.pass(1)
  t.ok([31, 33].every(number => done.includes(number)))
})

t.test(
  'records without a key wait for maxWaitMs, also if the lane that waits for them starts another batch',
  async t => {
    const batches: Array<[number, number[]]> = []
    const { processor, clock } = processorOf({
      batchHandler: async records => {
        batches.push([clock.now(), numbers(records)])
        if (records.some(record => record.partitionKey !== undefined)) await clock.sleep(10_000)
      },
      batch: { maxRecords: 2, maxWaitMs: 1_000 },
      concurrency: 2,
    })
    await clock.pass(0)
    processor.add([recordOf(1, '', { partitionKey: undefined })])
    await clock.pass(500)
    const key = ['a', 'b', 'c', 'd'].find(each => laneOf(each, 2) === 0) ?? ''
    processor.add([recordOf(2, key), recordOf(3, key)])
    await clock.pass(600)
    t.same(batches, [
      [500, [2, 3]],
      [1_000, [1]],
    ])
  },
)

t.test('with one lane, records with and without keys stay in the order of the shard', async t => {
  const batches: number[][] = []
  const { processor, clock } = processorOf({
    batchHandler: async records => void batches.push(numbers(records)),
    batch: { maxRecords: 10 },
  })
  processor.add([recordOf(1), recordOf(2, '', { partitionKey: undefined }), recordOf(3)])
  await clock.until(() => processor.pending === 0)
  t.same(batches, [[1, 2, 3]])
})
