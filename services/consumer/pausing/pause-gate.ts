import type { Clock } from '../clock.ts'

/**
 * Holds the reading and the start of records of a worker while it is paused. Costs a running worker one comparison for
 * each record.
 */
export class PauseGate {
  readonly #clock: Pick<Clock, 'now'>
  #isPaused = false
  #changed = new AbortController()
  #resumed: PromiseWithResolvers<void> | undefined
  #pausedAt = 0
  /** Total milliseconds of all pauses that are over. */
  #pausedMs = 0

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Fires when the next pause begins. It has fired already while the worker is paused. */
  get signal(): AbortSignal {
    return this.#changed.signal
  }

  /** Milliseconds since the pause began; undefined if the worker is not paused. */
  get pausedForMs(): number | undefined {
    return this.#isPaused ? this.#clock.now() - this.#pausedAt : undefined
  }

  /** Monotonic milliseconds without the time of all pauses: the clock for a time that a pause must not use up. */
  activeNow(): number {
    return this.#clock.now() - this.#pausedMs - (this.pausedForMs ?? 0)
  }

  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#pausedAt = this.#clock.now()
    this.#resumed = Promise.withResolvers()
    this.#changed.abort()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#pausedMs += this.pausedForMs ?? 0
    this.#isPaused = false
    this.#changed = new AbortController()
    this.#resumed?.resolve()
    this.#resumed = undefined
  }

  /** Resolves when the worker is not paused, or when the signal fires. */
  async whenResumed(signal: AbortSignal): Promise<void> {
    if (!this.#isPaused || signal.aborted) return
    const aborted = Promise.withResolvers<void>()
    const wake = () => aborted.resolve()
    signal.addEventListener('abort', wake, { once: true })
    try {
      while (this.#resumed && !signal.aborted) await Promise.race([this.#resumed.promise, aborted.promise])
    } finally {
      signal.removeEventListener('abort', wake)
    }
  }
}
