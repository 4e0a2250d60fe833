import { AT_TIMESTAMP, type Checkpoint, TRIM_HORIZON } from '../checkpoint.ts'

/** Where an application starts in a stream that it has never read. */
export type InitialPosition = 'TRIM_HORIZON' | 'LATEST' | { readonly timestamp: Date }

/** A starting place that does not move: what `LATEST` means is settled when the lease is made, not when a worker gets to it. */
export interface StartingPlace {
  readonly checkpoint: Checkpoint
  /** Epoch milliseconds, with AT_TIMESTAMP. */
  readonly startAt: number | undefined
}

export const FROM_TRIM_HORIZON: StartingPlace = { checkpoint: TRIM_HORIZON, startAt: undefined }

/**
 * @param wallClock epoch milliseconds. A worker that crashed before its first checkpoint would otherwise start again at a
 * later LATEST, and what came between would be lost.
 */
export function resolvePosition(position: InitialPosition, wallClock: number): StartingPlace {
  if (position === 'TRIM_HORIZON') return FROM_TRIM_HORIZON
  return { checkpoint: AT_TIMESTAMP, startAt: position === 'LATEST' ? wallClock : position.timestamp.getTime() }
}
