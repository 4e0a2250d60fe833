/** Counts what became of many things, for the line at the end. */
export interface Tally {
  add(outcome: string): void
  has(outcome: string): boolean
  /** `3 redriven, 1 failed`, in the order in which they came up first. */
  text(none: string): string
}

export function createTally(): Tally {
  const counts = new Map<string, number>()
  return {
    add: outcome => void counts.set(outcome, (counts.get(outcome) ?? 0) + 1),
    has: outcome => counts.has(outcome),
    text: none => (counts.size === 0 ? none : [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ')),
  }
}
