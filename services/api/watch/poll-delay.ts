const MIN_DELAY_MS = 100
const MAX_DELAY_MS = 2_000

/**
 * Returns the delay before the next read of an upload, in milliseconds: a tenth of the time since its last change. An upload that has just
 * changed will probably change again soon, and one that has not changed for an hour will not. The delay is spread at random, so
 * that uploads that arrived together are not read together.
 *
 * @param quietMs the time since the last change. Negative if clocks differ, NaN if it is unknown.
 * @param failures number of consecutive reads that failed
 * @param random from 0 up to, but not including, 1
 */
export function pollDelayMs(quietMs: number, failures: number, random: number): number {
  const usual = Number.isFinite(quietMs) ? Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, quietMs / 10)) : MAX_DELAY_MS
  const delay = Math.min(4 * MAX_DELAY_MS, usual * 2 ** failures)
  return delay * (0.75 + random / 2)
}
