import { setTimeout as delay } from 'node:timers/promises'

/** Work that a process repeats in the background. */
export interface PeriodicTask {
  /** Starts the first run at once, and a further run after every interval. */
  start(): void
  /** Starts no further run, and waits for the current one. */
  stop(): Promise<void>
}

export interface PeriodicTaskSettings {
  /** Does the work once. The signal fires on `stop`. */
  run(signal: AbortSignal): Promise<void>
  /** Average time from the end of a run to the start of the next, in milliseconds. */
  intervalMs: number
  /** Called with every error of `run`, except after `stop`. */
  onError(error: unknown): void
  /** Returns a number from 0 to below 1. @default Math.random */
  random?: () => number
  /** Waits, and rejects when the signal fires. @default an unreferenced timer */
  sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** Creates a periodic task. Each interval varies by up to a quarter, so that processes that started together drift apart. */
export function createPeriodicTask(settings: PeriodicTaskSettings): PeriodicTask & { readonly signal: AbortSignal } {
  const { run, intervalMs, onError, random = Math.random, sleep = unrefDelay } = settings
  const stopping = new AbortController()
  const { signal } = stopping
  let loop: Promise<void> | undefined

  async function repeat(): Promise<void> {
    const unlessStopped = (report: (error: unknown) => void) => (error: unknown) => {
      if (!signal.aborted) report(error)
    }
    while (!signal.aborted) {
      await run(signal).catch(unlessStopped(onError))
      await sleep(intervalMs * (0.75 + random() / 2), signal).catch(
        unlessStopped(error => {
          throw error
        }),
      )
    }
  }

  return {
    signal,
    start() {
      loop ??= repeat()
    },
    async stop() {
      stopping.abort()
      await loop
    },
  }
}

function unrefDelay(ms: number, signal: AbortSignal): Promise<unknown> {
  return delay(ms, undefined, { signal, ref: false })
}
