import { AT_TIMESTAMP, type Checkpoint, LATEST, TRIM_HORIZON } from '../checkpoint.ts'
import type { Lease } from '../leases/lease.ts'

/** Where an application starts in a stream that it has never read. */
export type InitialPosition = 'TRIM_HORIZON' | 'LATEST' | { readonly timestamp: Date }

/** A starting place that does not move: what `LATEST` means is settled when the lease is made, not when a worker gets to it. */
export interface StartingPlace {
  readonly checkpoint: Checkpoint
  /** Epoch milliseconds, with LATEST and AT_TIMESTAMP. */
  readonly startAt: number | undefined
}

export const FROM_TRIM_HORIZON: StartingPlace = { checkpoint: TRIM_HORIZON, startAt: undefined }

/**
 * The checkpoint bears the word of the position, for a worker of KCL that finds a lease nobody has read from: it has no
 * timestamp for an AT_TIMESTAMP unless it was configured with one, and cannot read the shard.
 *
 * @param wallClock epoch milliseconds. A worker that crashed before its first checkpoint would otherwise start again at a
 * later LATEST, and what came between would be lost.
 * @param leases what the table holds already. An application that has leases has started: a shard that still lacks one starts
 * when the others did, as far as they still tell, or else at its first record. Later would lose what came between.
 */
export function resolvePosition(
  position: InitialPosition,
  { wallClock, leases }: { wallClock: number; leases: readonly Lease[] },
): StartingPlace {
  if (position === 'TRIM_HORIZON') return FROM_TRIM_HORIZON
  if (position !== 'LATEST') return { checkpoint: AT_TIMESTAMP, startAt: position.timestamp.getTime() }
  if (leases.length === 0) return { checkpoint: LATEST, startAt: wallClock }
  const starts = leases.flatMap(({ startAt }) => (startAt === undefined ? [] : [startAt]))
  return starts.length === 0 ? FROM_TRIM_HORIZON : { checkpoint: LATEST, startAt: Math.min(...starts) }
}
