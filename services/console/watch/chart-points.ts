import type { Lease } from '../../consumer/leases/lease.ts'
import type { ArrivalView, DrainView, HistoryPoint, LagView, ThroughputView } from '../snapshot.ts'

export interface PointInput {
  at: number
  lags: readonly LagView[]
  arrivals: readonly ArrivalView[]
  leases: readonly Lease[]
  throughput: ThroughputView | null
}

/** Returns the point of the charts for one moment. */
export function pointOf({ at, lags, arrivals, leases, throughput }: PointInput): HistoryPoint {
  const waits = lags.map(({ oldestWaiting, measuredAt }) => (oldestWaiting === null ? 0 : measuredAt - oldestWaiting))
  const total = (of: (arrival: ArrivalView) => number) =>
    arrivals.length === 0 ? null : arrivals.reduce((sum, arrival) => sum + of(arrival), 0)
  return {
    at,
    maxLagMs: waits.length === 0 ? null : Math.max(...waits),
    recordsPerSecond: total(arrival => arrival.recordsPerSecond),
    bytesPerSecond: total(arrival => arrival.bytesPerSecond),
    leasesHeld: leases.filter(({ leaseOwner }) => leaseOwner !== undefined).length,
    acceptedPerSecond: throughput?.acceptedPerSecond ?? null,
    processedPerSecond: throughput?.processedPerSecond ?? null,
    failedPerSecond: throughput?.failedPerSecond ?? null,
    latencyP50Ms: throughput?.latencyP50Ms ?? null,
    latencyP99Ms: throughput?.latencyP99Ms ?? null,
  }
}

const TREND_MS = 60_000
const MIN_TREND_MS = 20_000
/** A checkpoint is always some seconds old, although nothing waits. */
const NO_LAG_MS = 15_000

/** Returns how long it takes until nothing waits: as the workers say, or else estimated from how the lag changes. */
export function drainOf(
  points: readonly HistoryPoint[],
  throughput: Pick<ThroughputView, 'timeToDrainMs' | 'isFallingBehind'> | null,
  now: number,
): DrainView {
  if (throughput && (throughput.isFallingBehind || throughput.timeToDrainMs !== null)) {
    return { ms: throughput.timeToDrainMs, isFallingBehind: throughput.isFallingBehind, isEstimated: false }
  }
  const recent = points.flatMap(({ at, maxLagMs }) =>
    maxLagMs === null || at < now - TREND_MS ? [] : [{ at, lagMs: maxLagMs }],
  )
  const [first] = recent
  const last = recent.at(-1)
  if (!first || !last) return { ms: null, isFallingBehind: false, isEstimated: true }
  if (last.lagMs <= NO_LAG_MS) return { ms: 0, isFallingBehind: false, isEstimated: true }
  if (last.at - first.at < MIN_TREND_MS) return { ms: null, isFallingBehind: false, isEstimated: true }
  const shrinking = (first.lagMs - last.lagMs) / (last.at - first.at)
  if (shrinking <= 0) return { ms: null, isFallingBehind: true, isEstimated: true }
  return { ms: last.lagMs / shrinking, isFallingBehind: false, isEstimated: true }
}
