import type { Lease } from '../../consumer/leases/lease.ts'
import type { ArrivalView, HistoryPoint, LagView } from '../snapshot.ts'

export interface PointInput {
  at: number
  lags: readonly LagView[]
  arrivals: readonly ArrivalView[]
  leases: readonly Lease[]
}

/** Returns the point of the charts for one moment. */
export function pointOf({ at, lags, arrivals, leases }: PointInput): HistoryPoint {
  const waits = lags.map(({ oldestWaiting, measuredAt }) => (oldestWaiting === null ? 0 : measuredAt - oldestWaiting))
  const total = (of: (arrival: ArrivalView) => number) =>
    arrivals.length === 0 ? null : arrivals.reduce((sum, arrival) => sum + of(arrival), 0)
  return {
    at,
    maxLagMs: waits.length === 0 ? null : Math.max(...waits),
    recordsPerSecond: total(arrival => arrival.recordsPerSecond),
    bytesPerSecond: total(arrival => arrival.bytesPerSecond),
    leasesHeld: leases.filter(({ leaseOwner }) => leaseOwner !== undefined).length,
  }
}
