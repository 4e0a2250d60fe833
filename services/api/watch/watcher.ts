import type { Logger } from '../../platform/log.ts'
import { pause } from './pace.ts'
import type { Sight } from './snapshot.ts'

export interface WatcherSettings<T> {
  /** Looks once: undefined where it is gone. Rejects when the signal fires. */
  look(signal: AbortSignal): Promise<Sight<T> | undefined>
  /** Hears of every look that succeeded. */
  onSight(sight: Sight<T> | undefined): void
  log: Pick<Logger, 'warn'>
  now(): number
  random(): number
}

/** How long a look may take, in milliseconds. */
const LOOK_MS = 5_000

/** Looks at one thing again and again, sooner or later by how long it has not changed, until it is stopped. */
export class Watcher<T> {
  readonly #settings: WatcherSettings<T>
  readonly #stopped = new AbortController()
  #changedAt: number
  #timer: NodeJS.Timeout | undefined
  #isLooking = false
  /** Asked for while a look is under way, which may have begun before what it is asked for. */
  #again = false
  #failures = 0

  constructor(settings: WatcherSettings<T>, first: Sight<T>) {
    this.#settings = settings
    this.#changedAt = first.changedAt
    this.#schedule()
  }

  /** Looks at once. */
  hurry(): void {
    this.#again = this.#isLooking
    if (this.#isLooking || this.#stopped.signal.aborted) return
    clearTimeout(this.#timer)
    void this.#look()
  }

  stop(): void {
    this.#stopped.abort()
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    if (this.#stopped.signal.aborted) return
    const { now, random } = this.#settings
    const ms = this.#again ? 0 : pause(now() - this.#changedAt, this.#failures, random())
    this.#again = false
    this.#timer = setTimeout(() => void this.#look(), ms)
  }

  async #look(): Promise<void> {
    const { look, onSight, log } = this.#settings
    this.#isLooking = true
    try {
      const sight = await look(AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(LOOK_MS)]))
      this.#failures = 0
      if (sight) this.#changedAt = sight.changedAt
      if (!this.#stopped.signal.aborted) onSight(sight)
    } catch (err) {
      // Whoever waits goes on waiting: an outage must not end every wait at once, only for all to begin again.
      if (!this.#stopped.signal.aborted && this.#failures++ === 0) log.warn({ err }, 'a look at an upload failed')
    } finally {
      this.#isLooking = false
      this.#schedule()
    }
  }
}
