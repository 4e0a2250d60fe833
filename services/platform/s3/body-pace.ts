/** How fast a client sends a body. The memory pool evicts uploads by it. */
export interface BodyPace {
  /** Returns true while this process waits for the client, and false while the client waits for this process. */
  isAwaited(): boolean
  /** Returns the bytes per second over the last seconds of waiting. Returns Infinity before the first second of waiting is over. */
  rate(): number
  /** Returns true if the upload has waited for more memory for too long. The upload then counts as slow, although its client may be fast. */
  isStuck?(): boolean
  /** Rejects the current and every later wait for bytes with the error. */
  abort(error: Error): void
}

/** Measures the rate of a body: bytes received per time spent waiting for them. */
export interface RateMeter {
  waited(ms: number): void
  received(bytes: number): void
  /**
   * Returns the bytes per second.
   *
   * @param waitingMs how long the current wait has lasted, in milliseconds
   */
  rate(waitingMs: number): number
}

/** A burst counts for one to two windows. In milliseconds of waiting. */
const WINDOW_MS = 1_000

/** Creates a meter that counts waiting time only: a client must not look slow because S3 or the memory pool is. */
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
