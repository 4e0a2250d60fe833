const LEAST_MS = 100
const MOST_MS = 2_000

/**
 * How long to wait before the next look, in milliseconds: a tenth of the time for which nothing has changed. What has just
 * changed will soon change again, and what has rested for an hour is not hurried by who begins to watch it now. Spread, so that
 * uploads that came together are not looked at together.
 *
 * @param quietMs since the last change. Less than 0 where clocks differ, NaN where it is not known
 * @param failures looks in a row that failed
 * @param random from 0 to under 1
 */
export function pause(quietMs: number, failures: number, random: number): number {
  const usual = Number.isFinite(quietMs) ? Math.min(MOST_MS, Math.max(LEAST_MS, quietMs / 10)) : MOST_MS
  const patient = Math.min(4 * MOST_MS, usual * 2 ** failures)
  return patient * (0.75 + random / 2)
}
