import { AT_TIMESTAMP, type Checkpoint, LATEST, TRIM_HORIZON } from '../checkpoint.ts'
import type { Lease } from '../leases/lease.ts'

/** Where an application starts in a stream that it has never read. */
export type InitialPosition = 'TRIM_HORIZON' | 'LATEST' | { readonly timestamp: Date }

/** A starting place that does not move: what `LATEST` means is settled when the lease is made, not when a worker gets to it. */
export interface StartingPlace {
  readonly checkpoint: Checkpoint
  /** Epoch milliseconds, by the stream's clock, before which nothing is read; undefined where all is. */
  readonly startAt: number | undefined
}

export const FROM_TRIM_HORIZON: StartingPlace = { checkpoint: TRIM_HORIZON, startAt: undefined }

/**
 * Where an application starts that has no leases yet. The checkpoint bears the word of the position, for a worker of KCL that
 * finds a lease nobody has read from: it has no timestamp for an AT_TIMESTAMP unless it was configured with one, and cannot
 * read the shard.
 *
 * @param tip epoch milliseconds. A worker that crashed before its first checkpoint would otherwise start again at a later
 * LATEST, and what came between would be lost.
 */
export function firstPlace(position: InitialPosition, tip: number): StartingPlace {
  if (position === 'TRIM_HORIZON') return FROM_TRIM_HORIZON
  if (position === 'LATEST') return { checkpoint: LATEST, startAt: tip }
  return { checkpoint: AT_TIMESTAMP, startAt: position.timestamp.getTime() }
}

/**
 * Where a shard starts of which an application has no lease that has others: where the application itself did, as far as a
 * lease still tells, or else at the first record. Its configuration counts no more: what came since would be lost by it.
 */
export function laterPlace(leases: readonly Pick<Lease, 'startAt'>[]): StartingPlace {
  const starts = leases.flatMap(({ startAt }) => (startAt === undefined ? [] : [startAt]))
  return startingAt(starts.length === 0 ? undefined : Math.min(...starts))
}

/** Its word is TRIM_HORIZON: that is what KCL is to make of it, which would lose by LATEST, and not read an AT_TIMESTAMP. */
export function startingAt(startAt: number | undefined): StartingPlace {
  return { checkpoint: TRIM_HORIZON, startAt }
}
