/** How fast a client sends a body, for whoever holds memory for the client. */
export interface BodyPace {
  /** Returns true while the body is being waited for, and false while the client waits for us. */
  isAwaited(): boolean
  /** Returns the bytes per second of the last seconds that were spent waiting. Infinity until a second was. */
  rate(): number
  /** Returns true while the upload, not the client, has waited for memory for long. It then counts as slow. */
  isStuck?(): boolean
  /** Makes the wait for the next bytes fail, and every later one. */
  giveUp(error: Error): void
}

/** Counts what arrives against the time that is spent waiting for it. */
export interface RateMeter {
  waited(ms: number): void
  received(bytes: number): void
  /** @param waitingMs how long the present wait has lasted, in milliseconds */
  rate(waitingMs: number): number
}

/** A burst counts for this long, in milliseconds of waiting, and at most for twice as long. */
const WINDOW_MS = 1_000

/** Only waiting time counts: a client must not look slow because S3, or memory, is. */
export function createRateMeter(): RateMeter {
  let before = { bytes: 0, ms: 0 }
  let current = { bytes: 0, ms: 0 }
  return {
    waited(ms) {
      current.ms += ms
      if (current.ms < WINDOW_MS) return
      before = current
      current = { bytes: 0, ms: 0 }
    },
    received(bytes) {
      current.bytes += bytes
    },
    rate(waitingMs) {
      if (waitingMs >= 2 * WINDOW_MS) return 0
      const ms = before.ms + current.ms + waitingMs
      return ms < WINDOW_MS ? Number.POSITIVE_INFINITY : ((before.bytes + current.bytes) / ms) * 1_000
    },
  }
}
