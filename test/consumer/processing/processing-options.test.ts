import t from 'tap'
import { ConsumerOptionError } from '../../../services/consumer/index.ts'
import { resolveProcessing } from '../../../services/consumer/processing/processing-options.ts'

const handler = async () => undefined
const deadLetter = async () => undefined
const faults: Array<[string, Record<string, unknown>, RegExp]> = [
  ['a handler that is null', { handler: null as never }, /'handler' is null but must be a function, unless there is a/],
  [
    'a concurrency without a handler',
    { concurrency: 4 },
    /'concurrency' is 4 but must be omitted without a 'handler' or/,
  ],
  ['both handlers', { handler, batchHandler: handler }, /'handler' is a function but must be omitted/],
  ['a batch handler that is not a function', { batchHandler: 5 }, /'batchHandler' is 5 but must be a function/],
  ['batches without a batch handler', { handler, batch: {} }, /'batch' is {} but must be omitted without/],
  [
    'a batch without records',
    { batchHandler: handler, batch: { maxRecords: 0 } },
    /'batch.maxRecords' is 0 but must be an/,
  ],
  ['a batch that is not an object', { batchHandler: handler, batch: 10 }, /'batch' is 10 but must be an object/],
  ['too long a wait', { batchHandler: handler, batch: { maxWaitMs: 300_001 } }, /'batch.maxWaitMs' is 300001 but/],
  [
    'no attempts',
    { handler, deadLetter, retry: { maxAttempts: 0 } },
    /'retry.maxAttempts' is 0 but must be an integer/,
  ],
  ['attempts without dead letters', { handler, retry: { maxAttempts: 3 } }, /'retry.maxAttempts' .* without a 'deadL/],
  ['an age without dead letters', { handler, retry: { maxAgeMs: 3 } }, /'retry.maxAgeMs' is 3 but must be omitted/],
  ['a classify without dead letters', { handler, retry: { classify: handler } }, /'retry.classify' is a function but/],
  [
    'a first backoff longer than the maximum',
    { handler, retry: { firstMs: 40_000 } },
    /'retry' is {"firstMs":40000,"maxMs":30000}/,
  ],
  ['a deadLetter that is not a function', { handler, deadLetter: 'x' }, /'deadLetter' is 'x' but must be a function/],
  ['a breaker that never closes', { handler, breaker: { failures: 0 } }, /'breaker.failures' is 0 but must be/],
  ['a timeout of 0', { handler, handlerTimeoutMs: 0 }, /'handlerTimeoutMs' is 0 but must be an integer from 100/],
  ['too many batches at once', { batchHandler: handler, concurrency: 1_001 }, /'concurrency' is 1001 but must be/],
  [
    'a fairness key that is not a function',
    { handler, fairnessKey: 'owner' },
    /'fairnessKey' is 'owner' but must be a fun/,
  ],
  [
    'a fairness key with a batch handler',
    { batchHandler: handler, fairnessKey: handler },
    /'fairnessKey' is a function but must be omitted/,
  ],
  [
    'maxYielded with a batch handler',
    { batchHandler: handler, maxYielded: 5 },
    /'maxYielded' is 5 but must be omitted with a 'batchHandler'/,
  ],
  [
    'concurrencyPerFairnessKey without a fairness key',
    { handler, concurrencyPerFairnessKey: 5 },
    /'concurrencyPerFairnessKey' is 5 but must be omitted without a 'fairnessKey'/,
  ],
  [
    'maxYieldedPerFairnessKey without a fairness key',
    { handler, maxYieldedPerFairnessKey: 5 },
    /'maxYieldedPerFairnessKey' is 5 but must be omitted without a 'fairnessKey'/,
  ],
  ['a negative maxYielded', { handler, maxYielded: -1 }, /'maxYielded' is -1 but must be an integer from 0/],
  [
    'a concurrencyPerFairnessKey of 0',
    { handler, fairnessKey: () => 'a', concurrencyPerFairnessKey: 0 },
    /'concurrencyPerFairnessKey' is 0 but must be an integer from 1/,
  ],
]

for (const [name, fault, message] of faults) {
  t.test(`${name} is rejected with its name, value and what was expected`, async t => {
    t.throws(() => resolveProcessing(fault), ConsumerOptionError)
    t.throws(() => resolveProcessing(fault), message)
  })
}

t.test('records are retried for ever by default, and batches run one at a time', async t => {
  t.match(resolveProcessing({ handler }), {
    work: { kind: 'records' },
    concurrency: 16,
    retry: { firstMs: 200, maxMs: 30_000, maxAttempts: Infinity, maxAgeMs: Infinity },
    breaker: { failures: 20, firstMs: 1_000, maxMs: 30_000 },
    handlerTimeoutMs: 300_000,
  })
  t.match(resolveProcessing({ batchHandler: handler }), {
    work: { kind: 'batches', limits: { maxRecords: 100, maxWaitMs: 0, maxBytes: 6 * 1024 ** 2 } },
    concurrency: 1,
  })
})

t.test('a fairness key may have three quarters of the places, and at least one', async t => {
  const shares = [1, 2, 3, 4, 16, 1_000].map(concurrency => {
    return resolveProcessing({ handler, fairnessKey: () => 'a', concurrency }).fairness?.maxRunningPerKey
  })
  t.same(shares, [1, 1, 2, 3, 12, 750])
  t.match(resolveProcessing({ handler }), {
    fairness: undefined,
    yields: { maxYielded: 256, maxYieldedPerKey: 32 },
  })
})
