import type { Random } from '../clock.ts'

export interface BackoffSettings {
  /** Milliseconds before the first retry, about. */
  readonly firstMs: number
  /** Milliseconds between two tries at most. */
  readonly maxMs: number
}

/** Exponential, with half of it left to chance, so that those who failed together do not come back together. */
export function backoffMs({ firstMs, maxMs }: BackoffSettings, failures: number, random: Random): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30))
  return ceiling * (0.5 + random() / 2)
}
