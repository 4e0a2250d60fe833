/** Runs work concurrently, and suspect work in turns during which no other work starts. */
export interface Isolation {
  /** Runs work concurrently. Waits while a turn blocks new work. Rejects with the signal's reason if it fires meanwhile. */
  together<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
  /**
   * Runs work in turns, and work with the fewest deaths first. Harmless records have fewer deaths than the record that kills processes, so
   * they are done before that record is retried. A turn waits for running work and blocks new work, both for a short time. New work
   * starts between two turns.
   *
   * Work that takes longer than its turn continues, and the next turn starts beside it.
   *
   * Work that has died more than once gets a strict turn. During a strict turn no other work that has died is running. A strict turn
   * also waits, for a limited time, until no new work starts: the first record of a shard usually asks for the first turn, and it may
   * be the record that kills.
   */
  alone<T>(work: () => Promise<T>, options: AloneOptions): Promise<T>
}

export interface AloneOptions {
  /** How often a process died during the work. */
  died: number
  signal: AbortSignal
}

export interface IsolationSettings {
  /** Maximum time that a turn waits for running work, in milliseconds. */
  quietWithinMs?: number
  /** Maximum time that a turn blocks new work, in milliseconds. */
  holdMs?: number
  /** Time without new work that must pass before a strict turn, in milliseconds. */
  settleMs?: number
  /** Maximum time that a strict turn waits for a time without new work, in milliseconds. */
  settleWithinMs?: number
}

/** Number of deaths from which work gets a strict turn. */
const STRICT_FROM_DEATHS = 2

interface Turn {
  readonly died: number
  /** True if no other work that has died may run during the turn. */
  readonly isStrict: boolean
  readonly askedAt: number
  /** Resolves when the turn no longer blocks new work. */
  readonly opened: PromiseWithResolvers<void>
  begin(): void
}

export function createIsolation(settings: IsolationSettings = {}): Isolation {
  const { quietWithinMs = 2_000, holdMs = 5_000, settleMs = 1_000, settleWithinMs = 10_000 } = settings
  let running = 0
  let lastBegunAt = Number.NEGATIVE_INFINITY
  let settling: NodeJS.Timeout | undefined
  let becameQuiet: (() => void) | undefined
  /** The turn that blocks new work. */
  let holder: Turn | undefined
  /** Waiting turns, those of the fewest deaths first. */
  const waiting: Turn[] = []
  /** Turns that have started and not ended, including those that no longer block new work. */
  const begun = new Set<Turn>()

  async function counted<T>(work: () => Promise<T>): Promise<T> {
    running++
    lastBegunAt = performance.now()
    try {
      return await work()
    } finally {
      running--
      if (running === 0) becameQuiet?.()
    }
  }

  async function waitForQuiet(signal: AbortSignal): Promise<void> {
    if (running === 0) return
    const quiet = Promise.withResolvers<void>()
    const timer = setTimeout(quiet.resolve, quietWithinMs)
    becameQuiet = quiet.resolve
    try {
      await orAborted(quiet.promise, signal)
    } finally {
      clearTimeout(timer)
      becameQuiet = undefined
    }
  }

  /** Returns true if no work has started for a while, or the turn has waited long enough. Otherwise schedules another check. */
  function hasSettled({ askedAt }: Turn): boolean {
    const dueAt = Math.min(Math.max(lastBegunAt, askedAt) + settleMs, askedAt + settleWithinMs)
    const leftMs = dueAt - performance.now()
    if (leftMs <= 0) return true
    clearTimeout(settling)
    settling = setTimeout(beginNext, leftMs)
    return false
  }

  function beginNext(): void {
    const [next] = waiting
    if (!next || holder) return
    const mayBegin = next.isStrict ? begun.size === 0 : ![...begun].some(turn => turn.isStrict)
    if (!mayBegin || (next.isStrict && !hasSettled(next))) return
    waiting.shift()
    begun.add(next)
    lastBegunAt = performance.now()
    holder = next
    next.begin()
  }

  /** Lets new work start, and then the next turn. */
  function open(turn: Turn): void {
    if (holder === turn) holder = undefined
    turn.opened.resolve()
    setImmediate(beginNext)
  }

  function end(turn: Turn): void {
    begun.delete(turn)
    open(turn)
  }

  async function turnOf({ died, signal }: AloneOptions): Promise<Turn> {
    const came = Promise.withResolvers<void>()
    const opened = Promise.withResolvers<void>()
    const isStrict = died >= STRICT_FROM_DEATHS
    const turn: Turn = { died, isStrict, askedAt: performance.now(), opened, begin: came.resolve }
    const behind = waiting.findIndex(other => other.died > died)
    waiting.splice(behind === -1 ? waiting.length : behind, 0, turn)
    beginNext()
    try {
      await orAborted(came.promise, signal)
    } catch (error) {
      const at = waiting.indexOf(turn)
      if (at !== -1) waiting.splice(at, 1)
      else end(turn)
      throw error
    }
    return turn
  }

  return {
    async together(work, signal) {
      while (holder) await orAborted(holder.opened.promise, signal)
      return counted(work)
    },

    async alone(work, options) {
      const turn = await turnOf(options)
      let timer: NodeJS.Timeout | undefined
      try {
        await waitForQuiet(options.signal)
        timer = setTimeout(() => open(turn), holdMs).unref()
        return await work()
      } finally {
        clearTimeout(timer)
        end(turn)
      }
    },
  }
}

/** Waits for a promise. Rejects with the signal's reason if it fires first. */
async function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
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
