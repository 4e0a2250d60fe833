export interface MemoryBudget {
  /** Takes so many bytes if they are free and nobody whose turn it is waits. Gives the function that gives them back, to be called once. */
  tryTake(bytes: number, owner?: string): (() => void) | undefined
  /**
   * Waits for its turn. Owners take turns, and whoever comes first of one owner is served first. Rejects with the signal's reason, and
   * then holds nothing.
   */
  take(bytes: number, signal: AbortSignal, owner?: string): Promise<() => void>
}

interface Waiting {
  readonly bytes: number
  admit(): void
}

/**
 * Bytes that may be held at a time. Who asks for more than there are in all waits for all of them: it would wait for ever
 * otherwise. The owner whose turn it is waits until there is room, and nobody passes: large objects would never have their turn.
 *
 * @param perOwner the most that one owner may hold. An owner that holds nothing may exceed it; an owner that would exceed it does
 *   not hold the others up.
 */
export function createMemoryBudget(total: number, perOwner = total): MemoryBudget {
  /** Owners that wait, in the order of their turns. None has an empty set. Maps and sets forget an entry in constant time. */
  const queues = new Map<string, Set<Waiting>>()
  const held = new Map<string, number>()
  let free = total

  const isBeyondShare = (owner: string, bytes: number) => {
    const has = held.get(owner) ?? 0
    return has > 0 && has + bytes > perOwner
  }

  /** Whose turn it is. Owners beyond their share are few: each of them holds something. */
  function next(): { owner: string; queue: Set<Waiting>; first: Waiting } | undefined {
    for (const [owner, queue] of queues) {
      const [first] = queue
      if (first && !isBeyondShare(owner, first.bytes)) return { owner, queue, first }
    }
    return undefined
  }

  function admitNext(): void {
    for (let turn = next(); turn && turn.first.bytes <= free; turn = next()) {
      const { owner, queue, first } = turn
      queue.delete(first)
      // To the end of the circle.
      queues.delete(owner)
      if (queue.size > 0) queues.set(owner, queue)
      first.admit()
    }
  }

  function hold(bytes: number, owner: string): () => void {
    free -= bytes
    held.set(owner, (held.get(owner) ?? 0) + bytes)
    return () => {
      free += bytes
      const left = (held.get(owner) ?? 0) - bytes
      if (left > 0) held.set(owner, left)
      else held.delete(owner)
      admitNext()
    }
  }

  function tryTake(asked: number, owner = ''): (() => void) | undefined {
    const bytes = Math.min(asked, total)
    if (bytes > free || queues.has(owner) || isBeyondShare(owner, bytes) || next()) return undefined
    return hold(bytes, owner)
  }

  return {
    tryTake,
    async take(asked, signal, owner = '') {
      signal.throwIfAborted()
      const now = tryTake(asked, owner)
      if (now) return now
      return await new Promise<() => void>((resolve, reject) => {
        const bytes = Math.min(asked, total)
        const leave = () => {
          const queue = queues.get(owner)
          queue?.delete(waiting)
          if (queue?.size === 0) queues.delete(owner)
          reject(signal.reason)
          // Whoever stood behind a larger one may fit in now.
          admitNext()
        }
        const waiting: Waiting = {
          bytes,
          admit() {
            signal.removeEventListener('abort', leave)
            resolve(hold(bytes, owner))
          },
        }
        signal.addEventListener('abort', leave, { once: true })
        const queue = queues.get(owner)
        if (queue) queue.add(waiting)
        else queues.set(owner, new Set([waiting]))
      })
    },
  }
}
