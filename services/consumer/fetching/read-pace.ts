import type { Random } from '../clock.ts'

/** Kinesis allows 5 GetRecords a second and shard, over all applications that poll. */
const MIN_INTERVAL_MS = 200

/** Kinesis returns up to 2 MiB a second and shard. A larger reply is charged to the seconds that follow. */
const BYTES_PER_MS = (2 * 1024 ** 2) / 1_000

/** How the spacing changes. Found by a simulation of one to four applications on one shard. */
const SPACING = { firstMs: 250, stepMs: 60, maxMs: 2_000, shrink: 0.99 }

/** A throttled call is repeated soon, because the application that waits longest must not be the one that never reads. */
const REPEAT_MS = 100
const MAX_REPEAT_MS = 800
/** Number of throttled calls in a row after which the wait doubles. */
const PATIENCE = 4

/** What is known about a shard when the next fetch is planned. */
export interface ReadState {
  /** Bytes of data in the last reply. */
  readonly bytes: number
  /** How far the last reply was behind the tip of the shard. */
  readonly millisBehindLatest: number
  /** Milliseconds between two fetches that leave room for the other readers of the shard; 0 while there are none. */
  readonly spacingMs: number
  /** The option of the consumer. */
  readonly idleIntervalMs: number
}

/** Returns how many milliseconds after the start of one fetch the next one may start. */
export function nextFetchDelay(state: ReadState, random: Random): number {
  const { bytes, millisBehindLatest, spacingMs, idleIntervalMs } = state
  const isCaughtUp = bytes === 0 && millisBehindLatest === 0
  const delay = Math.max(MIN_INTERVAL_MS, bytes / BYTES_PER_MS, isCaughtUp ? idleIntervalMs : 0)
  // Readers with the same spacing and the same phase would throttle each other at every call.
  return spacingMs > delay ? spacingMs * (0.9 + random() / 5) : delay
}

/** Returns how many milliseconds after a throttled call to repeat it. */
export function repeatDelay(throttledInARow: number, random: Random): number {
  const doublings = Math.max(0, throttledInARow - PATIENCE)
  return Math.min(MAX_REPEAT_MS, REPEAT_MS * 2 ** Math.min(doublings, 10)) * (0.5 + random())
}

/**
 * Returns the spacing after a throttled call. It grows by steps and shrinks by a part of itself, so that readers of one
 * shard approach the same spacing.
 */
export function widen(spacingMs: number): number {
  return Math.min(SPACING.maxMs, Math.max(SPACING.firstMs, spacingMs) + SPACING.stepMs)
}

/** Returns the spacing after a call that was not throttled. */
export function narrow(spacingMs: number): number {
  return spacingMs > MIN_INTERVAL_MS ? spacingMs * SPACING.shrink : 0
}

/**
 * The size that is assumed for a record before the first one was read. Most records are smaller, and the first reply then
 * has fewer records than fit. A reply that is larger than its reservation would have to wait for memory.
 */
export const UNKNOWN_RECORD_BYTES = 16 * 1024

/** The part of a reservation that is asked for, because the records of a reply differ from those before. */
const FILLED = 7 / 8

/** Returns how many records to ask for. */
export function recordLimit(reservedBytes: number, recordBytes: number, max: number): number {
  return Math.min(max, Math.max(1, Math.floor((reservedBytes * FILLED) / recordBytes)))
}

/**
 * Returns the size of a record that the next reply is expected to have: at once after a reply with larger records, and
 * slowly after one with smaller records.
 *
 * @param expected before the reply; undefined before the first one with records
 */
export function expectedRecordBytes(expected: number | undefined, records: number, bytes: number): number | undefined {
  if (records === 0) return expected
  const mean = bytes / records
  return expected === undefined || mean > expected ? mean : (expected + mean) / 2
}
