import { timeToDrainMs } from './drain-estimate.ts'

/** Over how many milliseconds a rate forgets what was: what is this old weighs a third of what is new. */
const MEMORY_MS = 30_000

/** How fast a number grows, as told by looks at it now and then. */
export class Rate {
  #last: { at: number; total: number } | undefined
  #perMs: number | undefined

  /** A look at the number. Looks may come at any interval; two at the same time count as one. */
  observe(total: number, at: number): void {
    const last = this.#last
    if (last && at <= last.at) return
    this.#last = { at, total }
    if (!last) return
    const elapsed = at - last.at
    const latest = (total - last.total) / elapsed
    const weight = this.#perMs === undefined ? 1 : 1 - Math.exp(-elapsed / MEMORY_MS)
    this.#perMs = (this.#perMs ?? 0) + weight * (latest - (this.#perMs ?? 0))
  }

  /** By how much a millisecond; undefined before the second look. */
  get perMs(): number | undefined {
    return this.#perMs
  }
}

/** How fast a shard is read and done. Looked at with every fetch. */
export class ShardPace {
  readonly #done = new Rate()
  /** How far the reading has come in the stream's own time. */
  readonly #place = new Rate()
  #millisBehindLatest: number | undefined
  #observedAt: number | undefined

  /** @param now monotonic milliseconds */
  observe({ done, millisBehindLatest }: { done: number; millisBehindLatest: number }, now: number): void {
    this.#done.observe(done, now)
    this.#place.observe(now - millisBehindLatest, now)
    this.#millisBehindLatest = millisBehindLatest
    this.#observedAt = now
  }

  /** Monotonic time of the last fetch; undefined before the first. */
  get observedAt(): number | undefined {
    return this.#observedAt
  }

  /** As of the last fetch; undefined before the first. */
  get millisBehindLatest(): number | undefined {
    return this.#millisBehindLatest
  }

  /** Records done a second, of late; undefined before the second fetch. */
  get recordsPerSecond(): number | undefined {
    return this.#done.perMs === undefined ? undefined : this.#done.perMs * 1_000
  }

  /** @param pending records fetched and not done */
  timeToDrainMs(pending: number): number | undefined {
    const { recordsPerSecond, millisBehindLatest } = this
    return timeToDrainMs({ pending, recordsPerSecond, millisBehindLatest, speed: this.#place.perMs })
  }
}
