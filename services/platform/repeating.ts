import { setTimeout as delay } from 'node:timers/promises'

/** Work that a process does again and again beside its own. */
export interface Repeating {
  /** Begins, at once and then at every interval. */
  start(): void
  /** Begins nothing more, and waits for what is under way. */
  stop(): Promise<void>
}

export interface RepeatingSettings {
  /** Once. The signal fires with `stop`. */
  run(signal: AbortSignal): Promise<void>
  /** From the end of one time to the next, in milliseconds. */
  intervalMs: number
  /** Told of what `run` threw, but for what a stop has brought about. */
  onError(error: unknown): void
  /** From 0 to under 1. */
  random?: () => number
  /** Rejects when the signal fires. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** The interval is spread by a quarter, so that processes that started together do not run together for ever. */
export function createRepeating(settings: RepeatingSettings): Repeating & { readonly signal: AbortSignal } {
  const { run, intervalMs, onError, random = Math.random, sleep = unrefDelay } = settings
  const stopping = new AbortController()
  const { signal } = stopping
  let loop: Promise<void> | undefined

  async function repeat(): Promise<void> {
    const unlessStopped = (tell: (error: unknown) => void) => (error: unknown) => {
      if (!signal.aborted) tell(error)
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
