import t from 'tap'
import { BatchFailure, type RecordFailure } from '../../../services/consumer/index.ts'
import { at } from '../leases/support.ts'
import { numberOf, processorOf, recordOf } from './support.ts'

const slowDown = () => Object.assign(new Error('slow down'), { name: 'SlowDown' })

t.test('a handler receives its shard, its attempt and a fencing token', async t => {
  const contexts: unknown[] = []
  const { processor, clock } = processorOf({
    handler: async (_, context) => {
      contexts.push(context)
      if (contexts.length === 1) throw new Error('once')
    },
  })
  processor.add([recordOf(1)])
  await clock.until(() => processor.pending === 0)
  t.match(
    contexts,
    [1, 2].map(attempt => ({ attempt, shardId: 'shard', fencingToken: 7, signal: AbortSignal })),
  )
})

t.test('context.signal has fired if the lease expired while the process was suspended and no timer fired', async t => {
  const seen: boolean[][] = []
  const { processor, clock, expire } = processorOf({
    handler: async (_, context) => {
      const { signal } = context
      expire()
      seen.push([signal.aborted, context.signal.aborted])
      throw new Error('the handler stops')
    },
  })
  processor.add([recordOf(1)])
  await clock.until(() => seen.length === 1)
  t.same(seen, [[false, true]], 'the second read of the signal looks at the clock')
  await processor.close()
})

t.test('the signal of the dead-letter port has fired if the lease expired and no timer fired', async t => {
  const seen: boolean[] = []
  const { processor, clock, expire } = processorOf({
    handler: () => {
      throw new Error('the record is poison')
    },
    retry: { maxAttempts: 1 },
    deadLetter: async (_record, _failure, context) => {
      seen.push(context.signal.aborted)
      expire()
      seen.push(context.signal.aborted)
    },
  })
  processor.add([recordOf(1)])
  await clock.until(() => seen.length === 2)
  t.same(seen, [false, true])
  await processor.close()
})

t.test('takenOverAt is set for a limited time after a takeover', async t => {
  const takeover = { at: new Date(), until: 1_000 }
  const emitted: unknown[] = []
  const { processor, clock } = processorOf(
    { handler: (_, { takenOverAt }) => void emitted.push(takenOverAt) },
    { takeover },
  )
  processor.add([recordOf(1)])
  await clock.until(() => emitted.length === 1)
  void clock.sleep(1_000)
  await clock.until(() => clock.now() >= 1_000)
  processor.add([recordOf(2)])
  await clock.until(() => emitted.length === 2)
  t.strictSame(emitted, [takeover.at, undefined])
})

t.test('a handler without a promise is done when it returns, and fails when it throws', async t => {
  let tries = 0
  const order: number[] = []
  const { processor, clock, progress, emittedNames } = processorOf({
    handler: record => {
      if (numberOf(record) === 2 && ++tries < 3) throw new Error('not yet')
      order.push(numberOf(record))
    },
    concurrency: 1,
  })
  processor.add([recordOf(1, 'a'), recordOf(2, 'b'), recordOf(3, 'b'), recordOf(4, 'c')])
  t.same([order, progress()], [[1, 4], at('1')], 'without a turn of the event loop')
  await clock.until(() => processor.pending === 0)
  t.same(order, [1, 4, 2, 3])
  t.same(progress(), at('4'))
  t.same(emittedNames(), ['recordFailed', 'recordFailed'])
})

t.test('a return value that is not a promise means done, and a foreign promise is awaited', async t => {
  // biome-ignore lint/suspicious/noThenProperty: what awaits a promise of another library goes by it.
  const foreign = { then: (resolve: () => void) => void setImmediate(resolve) }
  const answers: unknown[] = [null, 7, foreign]
  const { processor, clock } = processorOf({ handler: () => answers.shift() as Promise<void>, concurrency: 1 })
  processor.add([recordOf(1), recordOf(2), recordOf(3)])
  await clock.until(() => answers.length === 0)
  t.equal(processor.pending, 1, 'not done before it says so')
  await clock.until(() => processor.pending === 0)
})

t.test('the late outcome of an abandoned call changes nothing', async t => {
  const calls: Array<PromiseWithResolvers<void>> = []
  const { processor, clock, counters } = processorOf({
    handler: () => {
      const call = Promise.withResolvers<void>()
      calls.push(call)
      return call.promise
    },
    concurrency: 1,
    handlerTimeoutMs: 1_000,
    retry: { firstMs: 10, maxMs: 10 },
  })
  processor.add([recordOf(1, 'a'), recordOf(2, 'a')])
  await clock.until(() => calls.length === 2)
  calls[0]?.resolve()
  await clock.pass(0)
  t.match([processor.pending, counters.recordsHandled, calls.length], [2, 0, 2], 'the second try is still under way')
  calls[1]?.resolve()
  await clock.until(() => calls.length === 3)
  calls[2]?.resolve()
  await clock.until(() => processor.pending === 0)
  t.equal(counters.recordsHandled, 2)
})

t.test('without limits a record is retried for ever, and the watermark waits', async t => {
  let tries = 0
  const { processor, clock, progress } = processorOf({
    handler: async record => {
      if (numberOf(record) === 2 && ++tries < 50) throw new Error('not yet')
    },
  })
  processor.add([recordOf(1), recordOf(2), recordOf(3)])
  await clock.until(() => tries === 49)
  t.same(progress(), at('1'))
  await clock.until(() => processor.pending === 0)
  t.same(progress(), at('3'))
})

t.test('a record without attempts left is stored as a dead letter before the watermark passes it', async t => {
  const stored = Promise.withResolvers<void>()
  const letters: Array<[string, RecordFailure]> = []
  const { processor, clock, progress, counters, emittedNames } = processorOf({
    handler: async record => {
      if (numberOf(record) === 2) throw new Error('poison')
    },
    retry: { maxAttempts: 3 },
    deadLetter: async (record, failure) => {
      letters.push([record.sequenceNumber, failure])
      await stored.promise
    },
  })
  processor.add([recordOf(1), recordOf(2), recordOf(3)])
  await clock.until(() => letters.length === 1)
  t.match(letters, [['2', { attempts: 3, reason: 'too many attempts', error: { message: 'poison' } }]])
  t.same(progress(), at('1'), 'not yet')
  stored.resolve()
  await clock.until(() => processor.pending === 0)
  t.same(progress(), at('3'))
  t.same(emittedNames(), ['recordFailed', 'recordFailed', 'recordDeadLettered'])
  t.match(counters, { recordsHandled: 2, retries: 2, deadLetters: 1 })
})

t.test('storing a dead letter is retried for ever, without another handler call, while its key waits', async t => {
  const calls: number[] = []
  let deadLetterFailures = 0
  const { processor, clock, progress, emitted } = processorOf({
    handler: async record => {
      calls.push(numberOf(record))
      if (numberOf(record) === 1) throw new Error('poison')
    },
    retry: { classify: () => 'give up' },
    deadLetter: async () => {
      if (++deadLetterFailures < 20) throw new Error('store down')
    },
  })
  processor.add([recordOf(1, 'a'), recordOf(2, 'a'), recordOf(3, 'b')])
  await clock.until(() => deadLetterFailures === 19)
  t.same(calls, [1, 3])
  t.same(progress(), at('TRIM_HORIZON'))
  await clock.until(() => processor.pending === 0)
  t.same(calls, [1, 3, 2])
  const failures = emitted.filter(({ name }) => name === 'deadLetterFailed').map(({ event }) => event)
  t.equal(failures.length, 19)
  t.match(failures[0], { sequenceNumber: '1', reason: 'given up', retryInMs: 200, error: { message: 'store down' } })
  t.match(failures.at(-1), { retryInMs: 30_000 })
})

t.test('storing a dead letter is retried when the port hangs', async t => {
  let asked = 0
  const { processor, clock } = processorOf({
    handler: () => Promise.reject(new Error('poison')),
    retry: { maxAttempts: 1 },
    deadLetter: () => (++asked === 1 ? new Promise(() => undefined) : Promise.resolve()),
    handlerTimeoutMs: 1_000,
  })
  processor.add([recordOf(1)])
  await clock.until(() => processor.pending === 0)
  t.equal(asked, 2)
})

t.test('a record that fails later than maxAgeMs after its arrival is given up', async t => {
  const reasons: string[] = []
  let tries = 0
  const { processor, clock } = processorOf({
    handler: async () => {
      tries++
      throw new Error('no')
    },
    retry: { firstMs: 100, maxMs: 100, maxAgeMs: 1_000 },
    deadLetter: async (_, { reason, attempts }) => void reasons.push(`${reason} after ${attempts}`),
  })
  processor.add([recordOf(1)])
  await clock.until(() => processor.pending === 0)
  t.same(reasons, ['too old after 11'])
  t.equal(tries, 11)
})

t.test('failures of a dependency do not count against records, and open the breaker for all of them', async t => {
  let down = true
  const started: number[] = []
  const { processor, breaker, clock, emittedNames, counters } = processorOf({
    handler: async record => {
      started.push(numberOf(record))
      if (down) throw slowDown()
    },
    concurrency: 2,
    retry: { firstMs: 10, maxMs: 10, maxAttempts: 1, maxAgeMs: 1 },
    deadLetter: () => Promise.reject(new Error('nothing is to be given up')),
    breaker: { failures: 4, firstMs: 1_000, maxMs: 8_000 },
  })
  processor.add(Array.from({ length: 10 }, (_, i) => recordOf(i)))
  await clock.until(() => breaker.state === 'open')
  t.equal(started.length, 5, 'the fourth failure finds a fifth record under way')
  await clock.pass(999)
  t.equal(started.length, 5, 'no record starts')
  await clock.pass(1 + 2_000 + 4_000)
  t.equal(started.length, 8, 'but one probe after each backoff')
  down = false
  await clock.until(() => processor.pending === 0)
  t.equal(started.length, 8 + 10)
  t.same(
    emittedNames().filter(name => name.startsWith('breaker')),
    [...Array(4).fill('breakerOpened'), 'breakerClosed'],
  )
  t.match(counters, { recordsHandled: 10, deadLetters: 0, breakerOpenings: 4 })
})

t.test('a hanging handler is signalled and retried, and delays only its key', async t => {
  const signals: AbortSignal[] = []
  const handled: number[] = []
  const { processor, clock, emitted } = processorOf({
    handler: async (record, { signal }) => {
      if (numberOf(record) === 1 && signals.push(signal) === 1) await new Promise(() => undefined)
      handled.push(numberOf(record))
    },
    handlerTimeoutMs: 60_000,
  })
  processor.add([recordOf(1, 'a'), recordOf(2, 'a'), recordOf(3, 'b')])
  await clock.pass(59_999)
  t.same(handled, [3])
  t.notOk(signals[0]?.aborted)
  await clock.until(() => processor.pending === 0)
  t.ok(signals[0]?.aborted)
  t.notOk(signals[1]?.aborted)
  t.same(handled, [3, 1, 2])
  t.equal(clock.now(), 60_000 + 5_000 + 200)
  t.match(emitted[0], { name: 'recordFailed', event: { error: { code: 'CONSUMER_HANDLER_TIMEOUT' } } })
})

t.test('a classify that throws or returns an invalid class is reported, and no record is skipped', async t => {
  const answers = [() => 'skip', () => Promise.reject(new Error('too late')), undefined]
  let tries = 0
  const { processor, clock, emitted } = processorOf({
    handler: async () => {
      if (tries++ < 3) throw new Error('no')
    },
    retry: {
      classify() {
        const answer = answers.shift()
        if (!answer) throw new Error('a bug')
        return answer() as never
      },
    },
    deadLetter: () => Promise.reject(new Error('nothing is to be given up')),
  })
  processor.add([recordOf(1)])
  await clock.until(() => processor.pending === 0)
  t.equal(tries, 4)
  t.equal(emitted.filter(({ name }) => name === 'fault').length, 3)
})

t.test('after the lease is lost, no handler starts and no dead letter is stored', async t => {
  const started: number[] = []
  const deadLetters: number[] = []
  const failing = Promise.withResolvers<void>()
  const { processor, lose, clock, progress } = processorOf({
    handler: async record => {
      started.push(numberOf(record))
      await failing.promise
    },
    concurrency: 1,
    retry: { maxAttempts: 1 },
    deadLetter: async record => void deadLetters.push(numberOf(record)),
  })
  processor.add([recordOf(1), recordOf(2)])
  lose()
  failing.reject(new Error('aborted'))
  await processor.close()
  await clock.pass(1e6)
  t.same([started, deadLetters], [[1], []])
  t.same(progress(), at('TRIM_HORIZON'))
})

t.test('an expired lease, even before it is noticed, starts no handler and stores no dead letter', async t => {
  for (const retry of [{ maxAttempts: 1 }, { maxAttempts: 2 }]) {
    const started: number[] = []
    const deadLetters: number[] = []
    const { processor, expire, clock } = processorOf({
      handler: async record => {
        started.push(numberOf(record))
        expire()
        throw new Error('no')
      },
      concurrency: 1,
      retry,
      deadLetter: async record => void deadLetters.push(numberOf(record)),
    })
    processor.add([recordOf(1), recordOf(2)])
    await clock.pass(1e6)
    t.same([started, deadLetters], [[1], []])
  }
})

t.test('an attempt that failed because of a dependency does not count against the record', async t => {
  const errors = [slowDown(), slowDown(), new Error('1'), slowDown(), new Error('2'), new Error('never')]
  const letters: RecordFailure[] = []
  const { processor, clock } = processorOf({
    handler: async () => Promise.reject(errors.shift()),
    retry: { maxAttempts: 2 },
    deadLetter: async (_, failure) => void letters.push(failure),
  })
  processor.add([recordOf(1)])
  await clock.until(() => processor.pending === 0)
  t.match(letters, [{ attempts: 2, error: { message: '2' } }])
})

t.test('a close does not wait for an open breaker', async t => {
  const { processor, breaker, clock } = processorOf({
    handler: () => Promise.reject(slowDown()),
    breaker: { failures: 1, firstMs: 3_600_000, maxMs: 3_600_000 },
    retry: { firstMs: 1, maxMs: 1 },
  })
  processor.add([recordOf(1), recordOf(2, 'other')])
  await clock.until(() => breaker.state === 'open')
  await clock.pass(10)
  await processor.close()
  t.ok(clock.now() < 1_000)
})

t.test('a BatchFailure of a record handler is an error like any other', async t => {
  let tries = 0
  const { processor, clock } = processorOf({
    handler: async () => {
      if (tries++ === 0) throw new BatchFailure([])
    },
  })
  processor.add([recordOf(1)])
  await clock.until(() => processor.pending === 0)
  t.equal(tries, 2)
})

t.test('a record that is never done finally stops the fetching', async t => {
  const { processor, budget } = processorOf(
    { handler: record => (numberOf(record) === 0 ? new Promise(() => undefined) : Promise.resolve()) },
    { maxBufferedBytes: 10_000 },
  )
  processor.add([recordOf(0, 'poison')])
  let added = 1
  while (budget.used < 10_000 && added < 1_000) {
    processor.add([recordOf(added, `key-${added}`)])
    added++
    await new Promise(resolve => setImmediate(resolve))
  }
  t.equal(processor.pending, added, 'nothing is passed')
  t.ok(added < 100, `${added} records fill 10,000 bytes, although all but one are handled`)
})
