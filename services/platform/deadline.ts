import { AsyncLocalStorage } from 'node:async_hooks'
import { HeadgateError } from './errors.ts'

/** AWS did not answer in the time that the request had. What was asked of it may have happened all the same. */
export class DeadlineError extends HeadgateError {
  readonly code = 'HEADGATE_DEADLINE'
}

/** The client left while its request was at something that is not worth finishing without it. */
export class ClientGoneError extends HeadgateError {
  readonly code = 'HEADGATE_CLIENT_GONE'
}

export interface DeadlineSettings {
  /** How long the request may wait without progress, in milliseconds. */
  quietMs: number
  /** The time at which it is over whatever happens, as of `performance.now()`. Left out: none. */
  hardAt?: number | undefined
}

/** How long after a deadline what it broke off may be put in order, in milliseconds. */
const GRACE_MS = 2_000

/**
 * How long one request waits for AWS, over all its calls and their retries. A large body that keeps moving may take hours: each
 * piece of it is progress, and the time in which the client is waited for does not count. One timer for each request, and only
 * once something is waited for.
 */
export class Deadline {
  readonly hardAt: number
  readonly #quietMs: number
  readonly #waiting = new Set<() => void>()
  #at: number
  #paused = 0
  #isOver = false
  #isAbandoned = false
  #timer: NodeJS.Timeout | undefined
  #controller: AbortController | undefined

  constructor({ quietMs, hardAt = Number.POSITIVE_INFINITY }: DeadlineSettings) {
    this.hardAt = hardAt
    this.#quietMs = quietMs
    this.#at = this.#next()
  }

  /** Milliseconds. Infinite while the client is waited for, unless the deadline is a hard one. */
  get leftMs(): number {
    if (this.#isOver) return 0
    return Math.max(0, (this.#paused > 0 ? this.hardAt : this.#at) - performance.now())
  }

  /** Fires with a DeadlineError. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#isOver) this.#controller.abort(overdue())
      else this.#arm()
    }
    return this.#controller.signal
  }

  /** Something has arrived: the time without progress begins anew. */
  progress(): void {
    if (!this.#isOver) this.#at = this.#next()
  }

  /** The client is waited for: that time does not count. To be ended by `resume`. */
  pause(): void {
    this.#paused++
  }

  resume(): void {
    this.#paused--
    this.progress()
    if (this.#waiting.size > 0 || this.#controller) this.#arm()
  }

  /** Waits for work, but not for longer than there is time. @throws DeadlineError; the work is to end by the signal */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = () => reject(overdue())
      this.#waiting.add(late)
      work.then(
        value => {
          this.#waiting.delete(late)
          resolve(value)
        },
        (error: unknown) => {
          this.#waiting.delete(late)
          reject(error)
        },
      )
      if (this.leftMs === 0) this.#expire()
      else this.#arm()
    })
  }

  /** The client has left. What is under way goes on; a listing ends with its page. */
  abandon(): void {
    this.#isAbandoned = true
  }

  /** @throws ClientGoneError */
  throwIfAbandoned(): void {
    if (this.#isAbandoned) throw new ClientGoneError('The client left before its request was answered.')
  }

  /** The time to put in order what this deadline broke off: so long after it at most, however often it is asked for. */
  grace(): Deadline {
    const hardAt = (this.#isOver ? this.#at : Math.max(this.#at, performance.now())) + GRACE_MS
    return new Deadline({ quietMs: hardAt - performance.now(), hardAt })
  }

  /** Nobody waits any more. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #next(): number {
    return Math.min(this.hardAt, performance.now() + this.#quietMs)
  }

  #arm(): void {
    const { leftMs } = this
    if (this.#timer || this.#isOver || leftMs === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.leftMs > 0) this.#arm()
      else this.#expire()
    }, Math.ceil(leftMs)).unref()
  }

  #expire(): void {
    if (!this.#isOver) {
      this.#isOver = true
      this.end()
      this.#controller?.abort(overdue())
    }
    for (const late of this.#waiting) late()
    this.#waiting.clear()
  }
}

function overdue(): DeadlineError {
  return new DeadlineError(
    'A service behind this one did not answer in time. Whether the request took effect cannot be told: send it again, with the same Idempotency-Key if it had one.',
  )
}

const storage = new AsyncLocalStorage<Deadline | undefined>()

/** The deadline of the request that the code runs for. None outside of a request. */
export function currentDeadline(): Deadline | undefined {
  return storage.getStore()
}

/** Runs something, and all that it begins, for a request. With undefined: for nobody, as what many requests share. */
export function withinDeadline<T>(deadline: Deadline | undefined, run: () => T): T {
  return storage.run(deadline, run)
}

/** Waits for work that does not heed the deadline by itself. @throws DeadlineError */
export function beforeDeadline<T>(work: Promise<T>): Promise<T> {
  return storage.getStore()?.race(work) ?? work
}

/**
 * Puts in order what a failure left: a claim, a lock, parts of an object. When the deadline is the failure there is a moment more for
 * it. What does not succeed in it is settled as after a crash.
 */
export async function settle<T>(work: () => Promise<T>): Promise<T> {
  const deadline = storage.getStore()
  if (!deadline) return await work()
  const grace = deadline.grace()
  try {
    return await storage.run(grace, work)
  } finally {
    grace.end()
  }
}
