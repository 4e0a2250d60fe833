/** Longest wait that a receiver can ask for, which is also the longest interval between attempts. */
export const MAX_RETRY_AFTER_MS = 4 * 3_600_000

/**
 * Returns the milliseconds of a `Retry-After` header, which has seconds or a date. Returns undefined if the header is missing or
 * invalid.
 */
export function parseRetryAfter(header: string | string[] | undefined, now: number): number | undefined {
  const text = Array.isArray(header) ? header[0] : header
  if (text === undefined || text.trim() === '') return undefined
  const ms = /^\s*\d+\s*$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS)
}
