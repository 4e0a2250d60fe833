export interface RestartBackoffSettings {
  /** The first wait, in milliseconds. Each further one is twice as long. */
  firstMs: number
  maxMs: number
  /** A child that ran for so long, in milliseconds, starts over with the first wait. */
  stableMs: number
}

/** Returns how long a child that died is left before it is started again, in milliseconds, by how long it ran. */
export type RestartBackoff = (ranMs: number) => number

/** The waits grow, so that a child which cannot run costs little, and are bounded, so that it is never given up. */
export function createRestartBackoff({ firstMs, maxMs, stableMs }: RestartBackoffSettings): RestartBackoff {
  let nextMs = firstMs
  return ranMs => {
    const waitMs = ranMs >= stableMs ? firstMs : nextMs
    nextMs = Math.min(maxMs, waitMs * 2)
    return waitMs
  }
}
