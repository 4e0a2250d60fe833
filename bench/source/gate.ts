/** After so long, who waits for records is told that there are none: before any client gives its request up. */
const HOLD_MS = 10_000

/**
 * Lets through as many replies as the benchmark says and holds the requests after them back, so that a consumer has work
 * when it is its turn and costs nothing while it is another's.
 */
export class Gate {
  #left = 0
  readonly #waiting = new Set<() => void>()

  release(replies: number): void {
    this.#left += replies
    for (const wake of this.#waiting) wake()
  }

  /** Resolves to whether there is a reply, as soon as there is one. */
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
