import { timeToDrainMs } from './drain-estimate.ts'

/** Time constant of a rate in milliseconds: an observation of this age has about a third of the weight of a new one. */
const MEMORY_MS = 30_000

/** Measures how fast a number grows, from occasional observations. */
export class Rate {
  #last: { at: number; total: number } | undefined
  #perMs: number | undefined

  /** Records an observation. Intervals may vary; a second observation at the same time is ignored. */
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

  /** Growth per millisecond; undefined before the second observation. */
  get perMs(): number | undefined {
    return this.#perMs
  }
}

/** Measures how fast a shard is read and processed. Updated with every fetch. */
export class ShardPace {
  #done = new Rate()
  /** Position of the reader in the time of the stream. */
  #place = new Rate()
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

  /**
   * How far the shard is behind at this time. While the worker is paused, that is an upper bound: the value of the last
   * fetch and the time since then, because records may have arrived. Undefined before the first fetch.
   */
  behindAt(now: number, isPaused: boolean): number | undefined {
    if (this.#millisBehindLatest === undefined || this.#observedAt === undefined || !isPaused) {
      return this.#millisBehindLatest
    }
    return this.#millisBehindLatest + now - this.#observedAt
  }

  /** Forgets the rates, because a pause makes them useless. */
  restart(): void {
    this.#done = new Rate()
    this.#place = new Rate()
  }

  /** Recent number of records done per second; undefined before the second fetch. */
  get recordsPerSecond(): number | undefined {
    return this.#done.perMs === undefined ? undefined : this.#done.perMs * 1_000
  }

  /** @param pending number of records that were fetched and are not done */
  timeToDrainMs(pending: number): number | undefined {
    const { recordsPerSecond, millisBehindLatest } = this
    return timeToDrainMs({ pending, recordsPerSecond, millisBehindLatest, speed: this.#place.perMs })
  }
}
