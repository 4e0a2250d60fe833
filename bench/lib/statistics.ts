import { BenchError } from './errors.ts'

/** What many samples say. The spread is from `min` to `max`: with a handful of rounds, quantiles would say no more. */
export interface Summary {
  median: number
  min: number
  max: number
  samples: number
}

/** @throws BenchError where there is nothing to summarize, or a sample is no number */
export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  const [min, max] = [sorted[0], sorted.at(-1)]
  if (low === undefined || high === undefined || min === undefined || max === undefined) {
    throw new BenchError('There are no samples to summarize.')
  }
  if (!sorted.every(Number.isFinite)) throw new BenchError(`A sample is no number: ${samples.join(', ')}.`)
  return { median: (low + high) / 2, min, max, samples: sorted.length }
}

/**
 * Sample by sample, the first over the second. The two of a pair were measured right after each other, so that what slows
 * the machine for a while weighs on both and goes out of the ratio.
 *
 * @throws BenchError where the samples are not pairs
 */
export function ratiosOf(samples: readonly number[], baseline: readonly number[]): number[] {
  if (samples.length !== baseline.length) {
    throw new BenchError(`${samples.length} and ${baseline.length} samples cannot be compared in pairs.`)
  }
  return samples.map((sample, index) => sample / (baseline[index] ?? Number.NaN))
}

/**
 * The smallest sample that at least this part of them does not exceed: the nearest rank.
 *
 * @param part from 0 to 1, as 0.99
 * @throws BenchError where there are no samples
 */
export function percentile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]
  if (value === undefined) throw new BenchError('There are no samples to summarize.')
  return value
}
