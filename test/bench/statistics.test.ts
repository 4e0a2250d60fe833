import t from 'tap'
import { BenchError } from '../../bench/lib/errors.ts'
import { interleave } from '../../bench/lib/rounds.ts'
import { percentile, ratiosOf, summarize } from '../../bench/lib/statistics.ts'

t.test('the median of an odd number of samples is the middle one, in any order', async t => {
  t.strictSame(summarize([10, 2, 9]), { median: 9, min: 2, max: 10, samples: 3 })
})

t.test('the median of an even number of samples is the mean of the two in the middle', async t => {
  t.strictSame(summarize([4, 1, 100, 2]), { median: 3, min: 1, max: 100, samples: 4 })
})

t.test('one sample is its own median and has no spread', async t => {
  t.strictSame(summarize([7]), { median: 7, min: 7, max: 7, samples: 1 })
})

t.test('samples are sorted as numbers, and the given array is not changed', async t => {
  const samples = [9, 80, 700]
  t.equal(summarize(samples.toReversed()).median, 80)
  t.strictSame(samples, [9, 80, 700])
})

t.test('no samples, or a sample that is not a number, is an error', async t => {
  t.throws(() => summarize([]), { name: 'BenchError', code: 'HEADGATE_BENCH' })
  t.throws(() => summarize([1, Number.NaN, 2]), { name: 'BenchError' })
  t.throws(() => summarize([1, Number.POSITIVE_INFINITY]), { name: 'BenchError' })
})

t.test('ratios are taken pair by pair', async t => {
  t.strictSame(ratiosOf([1, 9, 4], [2, 3, 4]), [0.5, 3, 1])
  t.throws(() => ratiosOf([1, 2], [1]), { name: 'BenchError', message: /2 and 1 samples/ })
})

t.test('every contender runs in every round, and is first in every other round', async t => {
  t.strictSame(interleave(['a', 'b'], 3), [
    ['a', 'b'],
    ['b', 'a'],
    ['a', 'b'],
  ])
})

t.test('a percentile is the nearest rank', async t => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
  t.equal(percentile(hundred, 0.5), 50)
  t.equal(percentile(hundred, 0.99), 99)
  t.equal(percentile([7], 0.99), 7)
  t.throws(() => percentile([], 0.5), BenchError)
})
