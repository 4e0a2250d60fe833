import { BenchError } from './errors.ts'

/** How a measure moves in time: the line that fits its samples best. */
export interface Trend {
  /** What it grows by from the first sample to the last, along the line. */
  readonly growth: number
  /** That as a part of the mean, as 0.05. */
  readonly relativeGrowth: number
}

/**
 * @param samples in order, at even distances
 * @throws BenchError for fewer than three
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
