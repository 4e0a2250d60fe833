/**
 * The maximum time that a read waits before it gets no records, in milliseconds. It is shorter than the timeout of
 * every client.
 */
const HOLD_MS = 10_000

/**
 * Lets the number of replies through that the benchmark releases, and holds later requests back. So a consumer has work
 * in its own round, and costs nothing in the rounds of others.
 */
export class Gate {
  #left = 0
  readonly #waiting = new Set<() => void>()

  release(replies: number): void {
    this.#left += replies
    for (const wake of this.#waiting) wake()
  }

  /** Resolves to true as soon as there is a reply, and to false after the maximum time. */
  async pass(): Promise<boolean> {
    const deadline = performance.now() + HOLD_MS
    while (this.#left === 0) {
      const wait = deadline - performance.now()
      if (wait <= 0) return false
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, wait)
      this.#waiting.add(resolve)
      await promise
      this.#waiting.delete(resolve)
      clearTimeout(timer)
    }
    this.#left--
    return true
  }
}
