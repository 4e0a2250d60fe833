import { UsageError } from './errors.ts'

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** A length of time for people, in its two largest units: `2d 3h`, `45s`, `0s`. */
export function ageText(ms: number): string {
  const first = UNITS.findIndex(([, size]) => ms >= size)
  if (first === -1) return '0s'
  let left = ms
  const parts = UNITS.slice(first, first + 2).map(([unit, size]) => {
    const count = Math.floor(left / size)
    left -= count * size
    return { text: `${count}${unit}`, count }
  })
  return parts
    .filter(({ count }) => count > 0)
    .map(({ text }) => text)
    .join(' ')
}

const RELATIVE = /^(\d{1,9})([smhd])$/
const UNIT_MS: Readonly<Record<string, number>> = Object.fromEntries(UNITS)

/** Without a zone a time would be the local one of whoever types it, and of another moment on another machine. */
const ABSOLUTE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/

/** What the help says of it. */
export const TIME_HELP = 'as 2026-11-25, 2026-11-25T10:00:00Z, or as 15m, 2h, 3d ago'

/**
 * A time as people type it: ISO 8601, a day alone being its midnight in UTC, or so long ago.
 *
 * @throws UsageError
 */
export function parseTime(flag: string, value: string | undefined, now = Date.now()): Date | undefined {
  if (value === undefined) return undefined
  const [, count, unit = ''] = RELATIVE.exec(value) ?? []
  const time = new Date(count !== undefined ? now - Number(count) * (UNIT_MS[unit] ?? 0) : value)
  if (!(count !== undefined || ABSOLUTE.test(value)) || Number.isNaN(time.getTime())) {
    throw new UsageError(`--${flag} must be a time, ${TIME_HELP}, not "${value}".`)
  }
  return time
}
