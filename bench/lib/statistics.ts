import { BenchError } from './errors.ts'

/** The summary of samples. The spread is from `min` to `max`: with a handful of rounds, quantiles would say no more. */
export interface Summary {
  median: number
  min: number
  max: number
  samples: number
}

/** @throws BenchError if there are no samples, or a sample is not a number */
export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  const [min, max] = [sorted[0], sorted.at(-1)]
  if (low === undefined || high === undefined || min === undefined || max === undefined) {
    throw new BenchError('There are no samples to summarize.')
  }
  if (!sorted.every(Number.isFinite)) throw new BenchError(`A sample is not a number: ${samples.join(', ')}.`)
  return { median: (low + high) / 2, min, max, samples: sorted.length }
}

/**
 * Returns the ratios of the samples, pair by pair. The two samples of a pair were measured right after each other, so
 * that a slow phase of the machine affects both and cancels out.
 *
 * @throws BenchError if the samples are not pairs
 */
export function ratiosOf(samples: readonly number[], baseline: readonly number[]): number[] {
  if (samples.length !== baseline.length) {
    throw new BenchError(`${samples.length} and ${baseline.length} samples cannot be compared in pairs.`)
  }
  return samples.map((sample, index) => sample / (baseline[index] ?? Number.NaN))
}

/**
 * Returns a percentile by the nearest rank: the smallest sample that is greater than or equal to this part of the
 * samples.
 *
 * @param part from 0 to 1, such as 0.99
 * @throws BenchError if there are no samples
 */
export function percentile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]
  if (value === undefined) throw new BenchError('There are no samples to summarize.')
  return value
}
