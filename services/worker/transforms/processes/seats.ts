import { ProcessStartError } from '../../errors.ts'
import type { Child } from './child.ts'

/** Processes, each of which works on one upload at a time. */
export interface Seats {
  /**
   * Resolves to a free process, a warm one if there is any. Requests are served in order.
   *
   * @param isNew asks for a process that has never worked on an upload
   * @throws ProcessStartError, and the signal's reason
   */
  take(signal: AbortSignal, isNew?: boolean): Promise<Child>
  release(child: Child): void
  /** Kills all processes. */
  close(): Promise<void>
}

export interface SeatsSettings {
  size: number
  idleMs: number
  start(): Child
  /** Returns true if a released process may get another upload. */
  isReusable(child: Child): boolean
}

interface Waiting {
  admit(): void
  refuse(error: Error): void
}

export function createSeats({ size, idleMs, start, isReusable }: SeatsSettings): Seats {
  let taken = 0
  let isClosed = false
  const all = new Set<Child>()
  /** The process that was used last is taken first, so that the others can reach their idle time. */
  const idle: Array<{ child: Child; timer: NodeJS.Timeout }> = []
  const queue: Waiting[] = []

  async function waitForSeat(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (isClosed) throw closed()
    if (taken < size) {
      taken++
      return
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        queue.splice(queue.indexOf(waiting), 1)
        reject(signal.reason)
      }
      const waiting: Waiting = {
        admit() {
          signal.removeEventListener('abort', leave)
          resolve()
        },
        refuse(error) {
          signal.removeEventListener('abort', leave)
          reject(error)
        },
      }
      signal.addEventListener('abort', leave, { once: true })
      queue.push(waiting)
    })
  }

  function releaseSeat(): void {
    const next = queue.shift()
    if (next) next.admit()
    else taken--
  }

  function startOne(): Child {
    const child = start()
    all.add(child)
    void child.ended.then(() => {
      all.delete(child)
      forget(child)
    })
    return child
  }

  function forget(child: Child): void {
    const index = idle.findIndex(waiting => waiting.child === child)
    if (index >= 0) clearTimeout(idle.splice(index, 1)[0]?.timer)
  }

  /** Returns the warm process that was used last. If a new process is requested, kills a warm one that would be one too many. */
  function takeWarm(isNew: boolean): Child | undefined {
    const isFull = taken + idle.length > size
    const warm = isNew && !isFull ? undefined : idle.pop()
    clearTimeout(warm?.timer)
    if (!isNew) return warm?.child
    warm?.child.kill()
    return undefined
  }

  function keep(child: Child): void {
    if (isClosed || child.link.isGone || !isReusable(child)) {
      child.kill()
      return
    }
    const timer = setTimeout(() => {
      forget(child)
      child.kill()
    }, idleMs)
    timer.unref()
    child.hold(false)
    idle.push({ child, timer })
  }

  return {
    async take(signal, isNew = false) {
      await waitForSeat(signal)
      let child: Child | undefined
      try {
        child = takeWarm(isNew) ?? startOne()
        child.hold(true)
        await child.ready
        signal.throwIfAborted()
        return child
      } catch (error) {
        if (child) keep(child)
        releaseSeat()
        throw error
      }
    },

    release(child) {
      keep(child)
      releaseSeat()
    },

    async close() {
      isClosed = true
      for (const waiting of queue.splice(0)) waiting.refuse(closed())
      for (const child of all) {
        child.hold(true)
        child.kill()
      }
      await Promise.all([...all].map(child => child.ended))
    },
  }
}

function closed(): ProcessStartError {
  return new ProcessStartError('The processes for transforms are closed.')
}
