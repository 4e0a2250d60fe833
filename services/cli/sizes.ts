const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Formats a number of bytes with three digits, such as `1.52 MiB`, `48 B` or `305 KiB`. */
export function sizeText(bytes: number): string {
  let size = bytes
  let unit = 0
  while (size >= 1_000 && unit < UNITS.length - 1) {
    size /= 1024
    unit++
  }
  if (unit === 0) return `${Math.round(size)} B`
  return `${size >= 100 ? size.toFixed(0) : size >= 10 ? size.toFixed(1) : size.toFixed(2)} ${UNITS[unit]}`
}
