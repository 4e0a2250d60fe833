export interface MemoryBudget {
  /** Takes so many bytes if they are free and nobody waits. Gives the function that gives them back, to be called once. */
  tryTake(bytes: number): (() => void) | undefined
  /** Waits for its turn, first come first served. Rejects with the signal's reason, and then holds nothing. */
  take(bytes: number, signal: AbortSignal): Promise<() => void>
}

interface Waiting {
  bytes: number
  admit(): void
}

/**
 * Bytes that may be held at a time. Who asks for more than there are in all waits for all of them: it would wait for ever
 * otherwise. Nobody is passed over, however little they ask for: large objects would never have their turn.
 */
export function createMemoryBudget(total: number): MemoryBudget {
  const queue: Waiting[] = []
  let free = total

  function admitNext(): void {
    for (let first = queue[0]; first && first.bytes <= free; first = queue[0]) {
      queue.shift()
      first.admit()
    }
  }

  function hold(bytes: number): () => void {
    free -= bytes
    return () => {
      free += bytes
      admitNext()
    }
  }

  function tryTake(asked: number): (() => void) | undefined {
    const bytes = Math.min(asked, total)
    return queue.length === 0 && bytes <= free ? hold(bytes) : undefined
  }

  return {
    tryTake,
    async take(asked, signal) {
      signal.throwIfAborted()
      const now = tryTake(asked)
      if (now) return now
      return await new Promise<() => void>((resolve, reject) => {
        const leave = () => {
          queue.splice(queue.indexOf(waiting), 1)
          reject(signal.reason)
          // Whoever stood behind a larger one may fit in now.
          admitNext()
        }
        const bytes = Math.min(asked, total)
        const waiting: Waiting = {
          bytes,
          admit() {
            signal.removeEventListener('abort', leave)
            resolve(hold(bytes))
          },
        }
        signal.addEventListener('abort', leave, { once: true })
        queue.push(waiting)
      })
    },
  }
}
