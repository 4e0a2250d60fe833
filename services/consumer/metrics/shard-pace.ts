import { timeToDrainMs } from './drain-estimate.ts'
import { Rate } from './rate.ts'

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
