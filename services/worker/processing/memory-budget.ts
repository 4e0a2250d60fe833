export interface MemoryBudget {
  /** Takes bytes if they are free and no owner waits whose turn it is. Returns a function that releases them: call it once. */
  tryTake(bytes: number, owner?: string): (() => void) | undefined
  /**
   * Waits for its turn and takes bytes. Owners take turns. Requests of one owner are served in order. Rejects with the signal's reason,
   * and then holds nothing.
   */
  take(bytes: number, signal: AbortSignal, owner?: string): Promise<() => void>
}

interface Waiting {
  readonly bytes: number
  admit(): void
}

/**
 * Limits the bytes that are held at a time. A request for more than the total waits for the total, because it would otherwise wait for
 * ever. No owner overtakes the owner whose turn it is, because large objects would otherwise never be served.
 *
 * @param perOwner maximum that one owner may hold. An owner that holds nothing may exceed it. An owner that would exceed it does not
 *   block other owners
 */
export function createMemoryBudget(total: number, perOwner = total): MemoryBudget {
  /** Waiting owners in the order of their turns, none with an empty set. Maps and sets delete an entry in constant time. */
  const queues = new Map<string, Set<Waiting>>()
  const held = new Map<string, number>()
  let free = total

  const isBeyondShare = (owner: string, bytes: number) => {
    const has = held.get(owner) ?? 0
    return has > 0 && has + bytes > perOwner
  }

  /** Finds the next request. Only owners that hold something can be beyond their share, and those are few. */
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
      // The owner goes to the end of the order.
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
          // A smaller request behind this one may fit now.
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
