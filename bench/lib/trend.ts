import { BenchError } from './errors.ts'

/** The change of a measure over time: the line that fits its samples best. */
export interface Trend {
  /** The growth from the first sample to the last, along the line. */
  readonly growth: number
  /** The growth relative to the mean, such as 0.05. */
  readonly relativeGrowth: number
}

/**
 * Returns the trend of samples.
 *
 * @param samples in order, at equal intervals
 * @throws BenchError for fewer than three samples
 */
export function trendOf(samples: readonly number[]): Trend {
  const count = samples.length
  if (count < 3) throw new BenchError(`${count} samples have no trend.`)
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / count
  const middle = (count - 1) / 2
  let covariance = 0
  let variance = 0
  for (const [i, sample] of samples.entries()) {
    covariance += (i - middle) * (sample - mean)
    variance += (i - middle) ** 2
  }
  const growth = (covariance / variance) * (count - 1)
  return { growth, relativeGrowth: mean === 0 ? 0 : growth / mean }
}
