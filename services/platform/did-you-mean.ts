/** Maximum length of a name that is compared, so that a very long one costs no time. */
const MAX_LENGTH = 64

/**
 * Returns ` Did you mean "…"?` with the candidate that is most like an unknown name, or an empty text if none is like it.
 *
 * @param mark the quotation mark. @default `"`
 */
export function didYouMean(unknown: string, candidates: readonly string[], mark: '"' | "'" = '"'): string {
  const found = closest(unknown, candidates)
  return found === undefined ? '' : ` Did you mean ${mark}${found}${mark}?`
}

/**
 * Returns the candidate that is most like a name: at most a third of the letters differ, or one is the beginning of the other. Upper
 * and lower case, `-`, `_` and blanks make no difference.
 */
export function closest(name: string, candidates: readonly string[]): string | undefined {
  const plainName = plain(name)
  if (plainName === '' || plainName.length > MAX_LENGTH) return undefined
  const ranked = candidates
    .map(candidate => ({ candidate, distance: distanceOf(plainName, plain(candidate)) }))
    .filter(({ candidate, distance }) => isClose(plainName, plain(candidate), distance))
    .sort((a, b) => a.distance - b.distance)
  return ranked[0]?.candidate
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_\s]/g, '')
}

function isClose(a: string, b: string, distance: number): boolean {
  const shorter = Math.min(a.length, b.length)
  if (shorter >= 3 && (a.startsWith(b) || b.startsWith(a))) return true
  return distance <= Math.max(1, Math.floor(Math.max(a.length, b.length) / 3)) && distance < shorter
}

/** Returns the number of letters to insert, remove, replace or swap with their neighbor to turn one text into the other. */
function distanceOf(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1]
      const isSwapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    beforeLast = last
    last = current
  }
  return last[b.length] ?? 0
}
