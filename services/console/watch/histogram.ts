import type { Sample } from './prometheus-text.ts'

/** How many observations were at most each bound. */
export type Buckets = ReadonlyMap<number, number>

export function bucketsOf(samples: readonly Sample[]): Buckets {
  return new Map(
    samples.map(({ labels: { le }, value }) => [le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), value]),
  )
}

/**
 * Estimates a quantile of several histograms together, as `histogram_quantile` of Prometheus does: inside of a bucket, the observations
 * count as evenly spread.
 *
 * @returns null without observations
 */
export function quantile(histograms: readonly Buckets[], part: number): number | null {
  const counts = new Map<number, number>()
  for (const buckets of histograms) {
    for (const [bound, count] of buckets) counts.set(bound, (counts.get(bound) ?? 0) + count)
  }
  const sorted = [...counts].sort(([a], [b]) => a - b)
  const total = sorted.at(-1)?.[1] ?? 0
  if (total === 0) return null
  const rank = total * part
  let below = { bound: 0, count: 0 }
  for (const [bound, count] of sorted) {
    // Nothing is known about the observations above the last bound.
    if (count >= rank) return bound === Number.POSITIVE_INFINITY ? below.bound : within(below, { bound, count }, rank)
    below = { bound, count }
  }
  return below.bound
}

function within(from: { bound: number; count: number }, to: { bound: number; count: number }, rank: number): number {
  if (to.count === from.count) return to.bound
  return from.bound + ((to.bound - from.bound) * (rank - from.count)) / (to.count - from.count)
}
