import { UsageError } from './errors.ts'

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** Formats a duration by its two largest units, such as `2d 3h`, `45s` or `0s`. */
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

/** A time needs a zone. Otherwise the same text would mean different moments on different machines. */
const ABSOLUTE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/

/** The accepted formats, for the help and for errors. */
export const TIME_HELP = 'such as 2026-11-25, 2026-11-25T10:00:00Z, or 15m, 2h or 3d before now'

/**
 * Parses a time: ISO 8601, or a duration before now. A date without a time means midnight UTC.
 *
 * @throws UsageError
 */
export function parseTime(flag: string, value: string | undefined, now = Date.now()): Date | undefined {
  if (value === undefined) return undefined
  const [, count, unit = ''] = RELATIVE.exec(value) ?? []
  const time = new Date(count !== undefined ? now - Number(count) * (UNIT_MS[unit] ?? 0) : value)
  if (!(count !== undefined || ABSOLUTE.test(value)) || Number.isNaN(time.getTime())) {
    throw new UsageError(`--${flag} must be a time ${TIME_HELP}, not "${value}".`)
  }
  return time
}
