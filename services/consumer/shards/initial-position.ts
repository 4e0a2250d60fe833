import { AT_TIMESTAMP, type Checkpoint, LATEST, TRIM_HORIZON } from '../checkpoint.ts'
import type { Lease } from '../leases/lease.ts'

/** Where an application starts in a stream that it has never read. */
export type InitialPosition = 'TRIM_HORIZON' | 'LATEST' | { readonly timestamp: Date }

/** A fixed starting place: LATEST is resolved to a time when the lease is created, not when a worker takes it. */
export interface StartingPlace {
  readonly checkpoint: Checkpoint
  /** Epoch milliseconds by the clock of the stream. Earlier records are not read. Undefined if all records are read. */
  readonly startAt: number | undefined
}

export const FROM_TRIM_HORIZON: StartingPlace = { checkpoint: TRIM_HORIZON, startAt: undefined }

/**
 * Returns where an application without leases starts. The checkpoint names the position, for a KCL worker that takes a
 * lease from which nobody has read. KCL cannot read a shard at AT_TIMESTAMP unless it was configured with a timestamp.
 *
 * @param tip the present, in epoch milliseconds. Without it, a worker that crashed before its first checkpoint would
 *   start again at a later LATEST and skip the records in between.
 */
export function firstPlace(position: InitialPosition, tip: number): StartingPlace {
  if (position === 'TRIM_HORIZON') return FROM_TRIM_HORIZON
  if (position === 'LATEST') return { checkpoint: LATEST, startAt: tip }
  return { checkpoint: AT_TIMESTAMP, startAt: position.timestamp.getTime() }
}

/**
 * Returns where a shard without a lease starts in an application that has other leases: where the application itself
 * started, if a lease still says so, and otherwise at the first record. The configured position no longer applies,
 * because it would skip records.
 */
export function laterPlace(leases: readonly Pick<Lease, 'startAt'>[]): StartingPlace {
  const starts = leases.flatMap(({ startAt }) => (startAt === undefined ? [] : [startAt]))
  return startingAt(starts.length === 0 ? undefined : Math.min(...starts))
}

/**
 * Returns a place with the checkpoint TRIM_HORIZON, for KCL: with LATEST, KCL would skip records, and it cannot read
 * from AT_TIMESTAMP.
 */
export function startingAt(startAt: number | undefined): StartingPlace {
  return { checkpoint: TRIM_HORIZON, startAt }
}
