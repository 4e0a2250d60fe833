import { setTimeout as delay } from 'node:timers/promises'

/** Access to time. A port, so that a simulator can run the consumer in virtual time. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary start. Never the wall clock, which may jump. */
  now(): number
  /** Resolves after `ms` milliseconds, or as soon as the signal fires. Never rejects. */
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

/** Returns a number in [0, 1). A port, like `Math.random`. */
export type Random = () => number

/** Returns the items in random order. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const copy = [...items]
  for (let last = copy.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const [a, b] = [copy[last], copy[other]]
    if (a !== undefined && b !== undefined) [copy[last], copy[other]] = [b, a]
  }
  return copy
}
