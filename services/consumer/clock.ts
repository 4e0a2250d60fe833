import { setTimeout as delay } from 'node:timers/promises'

/** Time, as a port: a simulator runs the consumer on time of its own. */
export interface Clock {
  /** Monotonic milliseconds from some start. Never the wall clock: it may jump. */
  now(): number
  /** Resolves after `ms`, or at once when the signal fires. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await delay(Math.max(0, ms), undefined, signal ? { signal } : {})
    } catch (error) {
      if (!signal?.aborted) throw error
    }
  },
}

/** A number in [0, 1), as a port. */
export type Random = () => number
