import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../services/consumer/clock.ts'

export interface FakeClockSettings {
  /** The time at the beginning, in milliseconds. @default 0 */
  startMs?: number
  /** True if each sleep moves the clock by its duration and then resolves, so that nobody has to advance the clock. @default false */
  skipsSleep?: boolean
}

/** A clock that stands still until the test moves it. `now` can be passed as a function by itself. */
export class FakeClock implements Clock {
  #now: number
  readonly #skipsSleep: boolean
  readonly #sleepers = new Set<{ until: number; wake(): void }>()

  constructor({ startMs = 0, skipsSleep = false }: FakeClockSettings = {}) {
    this.#now = startMs
    this.#skipsSleep = skipsSleep
  }

  readonly now = (): number => this.#now

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#skipsSleep) {
      await turn()
      if (!signal?.aborted) this.advance(Math.max(0, ms))
      return
    }
    if (signal?.aborted) return
    await new Promise<void>(resolve => {
      const sleeper = { until: this.#now + Math.max(0, ms), wake: resolve }
      this.#sleepers.add(sleeper)
      signal?.addEventListener(
        'abort',
        () => {
          this.#sleepers.delete(sleeper)
          resolve()
        },
        { once: true },
      )
    })
  }

  /** Moves the clock, and wakes every sleeper whose time has come. */
  advance(ms: number): void {
    this.#now += ms
    for (const sleeper of [...this.#sleepers]) {
      if (sleeper.until > this.#now) continue
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
  }

  /** Moves the clock to the next sleeper, again and again, until the condition holds. @throws Error if no sleeper is left */
  async until(condition: () => boolean): Promise<void> {
    for (;;) {
      await turn()
      if (condition()) return
      const next = this.#next(Number.POSITIVE_INFINITY)
      if (!next) throw new Error('The condition does not hold, and nothing waits for the clock any more.')
      this.advance(next.until - this.#now)
    }
  }

  /** Moves the clock by so many milliseconds, from one sleeper to the next, so that each can act at its own time. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    await turn()
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.advance(next.until - this.#now)
      await turn()
    }
    this.advance(end - this.#now)
    await turn()
  }

  #next(end: number) {
    return [...this.#sleepers].filter(({ until }) => until <= end).sort((a, b) => a.until - b.until)[0]
  }
}
