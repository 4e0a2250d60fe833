/** Runs work side by side, and some of it in turns with nothing else that begins beside it. */
export interface Isolation {
  /** Side by side. Waits while a turn holds new work back. Rejects with the signal's reason where it fires meanwhile. */
  together<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
  /**
   * In turns, those with the fewest deaths first: innocent records have fewer than the one that kills, so that they are done before
   * it is tried again. A turn waits for what runs and holds new work back, both within short bounds. New work that waited begins
   * between two turns.
   *
   * Work that outlasts its hold runs on and lets the next turn come, unless either of them has died more than once alone: such
   * work never runs beside other work that has died. It also lets all other work go first, for as long as that keeps beginning and
   * within a bound: the first record of a shard is mostly the first to ask for its turn, and it may be the one that kills.
   */
  alone<T>(work: () => Promise<T>, options: AloneOptions): Promise<T>
}

export interface AloneOptions {
  /** How often the work was begun by a process that died before it was done. */
  died: number
  signal: AbortSignal
}

export interface IsolationSettings {
  /** How long a turn waits for what runs, in milliseconds. */
  quietWithinMs?: number
  /** How long a turn holds back new work, in milliseconds. */
  holdMs?: number
  /** How long no work must have begun before a turn of work that died more than once, in milliseconds. */
  settleMs?: number
  /** How long such a turn waits for that, in milliseconds. */
  settleWithinMs?: number
}

/** From so many deaths on, work lets all other work go first, and runs beside no other work that has died. */
const STRICT_FROM_DEATHS = 2

interface Turn {
  readonly died: number
  readonly isStrict: boolean
  readonly askedAt: number
  /** Resolves when the turn holds new work back no more. */
  readonly opened: PromiseWithResolvers<void>
  begin(): void
}

export function createIsolation(settings: IsolationSettings = {}): Isolation {
  const { quietWithinMs = 2_000, holdMs = 5_000, settleMs = 1_000, settleWithinMs = 10_000 } = settings
  let running = 0
  let lastBegunAt = Number.NEGATIVE_INFINITY
  let settling: NodeJS.Timeout | undefined
  let becameQuiet: (() => void) | undefined
  /** The turn that holds new work back. */
  let holder: Turn | undefined
  /** Turns that wait, by their deaths. */
  const waiting: Turn[] = []
  /** Turns that have begun and not ended, those that hold nothing back any more included. */
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

  /** Whether nothing has begun for a while, or the turn has waited for that long enough. If not, it is looked at again. */
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

  /** Lets new work begin, and after that the next turn. */
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

/** Waits for a promise, and rejects with the signal's reason where that fires first. */
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
