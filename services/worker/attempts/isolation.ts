/** Runs work side by side, and some of it with nothing else that begins beside it. */
export interface Isolation {
  /** Side by side. Waits while something runs alone. Rejects with the signal's reason where it fires meanwhile. */
  together<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
  /**
   * One at a time, first come first served, once what runs has ended. What takes too long to end is not waited for, and what takes
   * too long alone does not hold the others up: whoever dies by it mostly does so soon.
   */
  alone<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
}

export interface IsolationSettings {
  /** How long what runs is waited for, in milliseconds. */
  quietWithinMs?: number
  /** How long nothing else begins, in milliseconds. */
  holdMs?: number
}

export function createIsolation({ quietWithinMs = 30_000, holdMs = 60_000 }: IsolationSettings = {}): Isolation {
  let running = 0
  let becameQuiet: (() => void) | undefined
  /** Resolves when others may begin again. */
  let gate: Promise<void> | undefined
  /** Resolves when the last that is to run alone has ended. Never rejects. */
  let last: Promise<void> = Promise.resolve()

  async function counted<T>(work: () => Promise<T>): Promise<T> {
    running++
    try {
      return await work()
    } finally {
      running--
      if (running === 0) becameQuiet?.()
    }
  }

  async function untilQuiet(signal: AbortSignal): Promise<void> {
    if (running === 0) return
    const quiet = Promise.withResolvers<void>()
    const timer = setTimeout(quiet.resolve, quietWithinMs)
    becameQuiet = quiet.resolve
    try {
      await unlessAborted(quiet.promise, signal)
    } finally {
      clearTimeout(timer)
      becameQuiet = undefined
    }
  }

  async function holdingOthers<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const opened = Promise.withResolvers<void>()
    const own = opened.promise
    const open = () => {
      if (gate === own) gate = undefined
      opened.resolve()
    }
    gate = own
    let timer: NodeJS.Timeout | undefined
    try {
      await untilQuiet(signal)
      timer = setTimeout(open, holdMs).unref()
      return await work()
    } finally {
      clearTimeout(timer)
      open()
    }
  }

  return {
    async together(work, signal) {
      while (gate) await unlessAborted(gate, signal)
      return counted(work)
    },

    async alone(work, signal) {
      const before = last
      const ended = Promise.withResolvers<void>()
      last = before.then(() => ended.promise)
      try {
        await unlessAborted(before, signal)
        return await holdingOthers(work, signal)
      } finally {
        ended.resolve()
      }
    },
  }
}

/** Waits for a promise, and rejects with the signal's reason where that fires first. */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
