const FIRST_DELAY_MS = 250
const MAX_DELAY_MS = 10_000

/** Waits between the attempts of one request, for a limited time without progress. */
export class Retries {
  readonly #forMs: number
  readonly #signal: AbortSignal | undefined
  #since = Date.now()
  #count = 0

  /** @param forMs how long attempts without progress go on, in milliseconds */
  constructor(forMs: number, signal?: AbortSignal | undefined) {
    this.#forMs = forMs
    this.#signal = signal
  }

  /** Starts the time again, because something succeeded. */
  progress(): void {
    this.#since = Date.now()
    this.#count = 0
  }

  /**
   * Waits before the next attempt. Resolves to false if the time is up.
   *
   * @param retryAfter the delay that the server asked for, in seconds
   * @throws the reason of the signal
   */
  async next(retryAfter = 0): Promise<boolean> {
    const backoff = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#count++)
    // Half of the delay is random, so that clients that failed together do not come back together.
    const delay = Math.max(retryAfter * 1_000, backoff * (0.5 + Math.random() / 2))
    if (Date.now() + delay - this.#since > this.#forMs) return false
    await pause(delay, this.#signal)
    return true
  }
}

/** Resolves after some milliseconds. @throws the reason of the signal */
export function pause(ms: number, signal?: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}
