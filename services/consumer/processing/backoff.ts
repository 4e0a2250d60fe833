import type { Random } from '../clock.ts'

export interface BackoffSettings {
  /** Approximate milliseconds before the first retry. */
  readonly firstMs: number
  /** Maximum milliseconds between two attempts. */
  readonly maxMs: number
}

/**
 * Returns the wait before the next attempt. It grows exponentially, and half of it is random, so that records that
 * failed together are not retried together.
 */
export function backoffMs({ firstMs, maxMs }: BackoffSettings, failures: number, random: Random): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30))
  return ceiling * (0.5 + random() / 2)
}
