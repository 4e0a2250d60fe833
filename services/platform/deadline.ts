import { AsyncLocalStorage } from 'node:async_hooks'
import { HeadgateError } from './errors.ts'

/** AWS did not respond before the deadline of the request. The operation may have taken effect nevertheless. */
export class DeadlineError extends HeadgateError {
  readonly code = 'HEADGATE_DEADLINE'
}

/** The client disconnected, and the work for its request was stopped because nobody needs the result. */
export class ClientGoneError extends HeadgateError {
  readonly code = 'HEADGATE_CLIENT_GONE'
}

export interface DeadlineSettings {
  /** Maximum time without progress, in milliseconds. */
  idleTimeoutMs: number
  /** The latest end whatever the progress, as a time of `performance.now()`. @default none */
  hardAt?: number | undefined
}

/** Time for cleanup after a deadline, in milliseconds. */
const GRACE_MS = 2_000

/**
 * Limits how long one request waits for AWS, over all its calls and their retries. A large body that keeps arriving may take hours:
 * each chunk is progress, and time spent waiting for the client does not count. A request uses one timer, and only while something
 * waits for the deadline.
 */
export class Deadline {
  readonly hardAt: number
  readonly #idleTimeoutMs: number
  readonly #waiting = new Set<() => void>()
  #at: number
  #paused = 0
  #isOver = false
  #isAbandoned = false
  #timer: NodeJS.Timeout | undefined
  #controller: AbortController | undefined

  constructor({ idleTimeoutMs, hardAt = Number.POSITIVE_INFINITY }: DeadlineSettings) {
    this.hardAt = hardAt
    this.#idleTimeoutMs = idleTimeoutMs
    this.#at = this.#next()
  }

  /** Remaining milliseconds. Infinity while the deadline is paused and has no hard end. */
  get leftMs(): number {
    if (this.#isOver) return 0
    return Math.max(0, (this.#paused > 0 ? this.hardAt : this.#at) - performance.now())
  }

  /** Fires at the deadline, with a DeadlineError as its reason. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#isOver) this.#controller.abort(deadlineError())
      else this.#arm()
    }
    return this.#controller.signal
  }

  /** Restarts the time without progress. */
  progress(): void {
    if (!this.#isOver) this.#at = this.#next()
  }

  /** Stops the clock while the request waits for the client. End it with `resume`. */
  pause(): void {
    this.#paused++
  }

  resume(): void {
    this.#paused--
    this.progress()
    if (this.#waiting.size > 0 || this.#controller) this.#arm()
  }

  /** Waits for work until the deadline at most. The work itself has to end by the signal. @throws DeadlineError */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = () => reject(deadlineError())
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

  /** Records that the client has disconnected. Calls in flight continue, and listings end after the current page. */
  abandon(): void {
    this.#isAbandoned = true
  }

  /** @throws ClientGoneError */
  throwIfAbandoned(): void {
    if (this.#isAbandoned) throw new ClientGoneError('The client disconnected before the response.')
  }

  /** Returns a deadline for cleanup. It ends a fixed time after this one, however often it is requested. */
  grace(): Deadline {
    const hardAt = (this.#isOver ? this.#at : Math.max(this.#at, performance.now())) + GRACE_MS
    return new Deadline({ idleTimeoutMs: hardAt - performance.now(), hardAt })
  }

  /** Stops the timer. Call it when the request is over. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #next(): number {
    return Math.min(this.hardAt, performance.now() + this.#idleTimeoutMs)
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
      this.#controller?.abort(deadlineError())
    }
    for (const late of this.#waiting) late()
    this.#waiting.clear()
  }
}

function deadlineError(): DeadlineError {
  return new DeadlineError(
    'A service behind the api did not respond in time. It is unknown whether the request took effect. Send it again, with the same Idempotency-Key if it had one.',
  )
}

const storage = new AsyncLocalStorage<Deadline | undefined>()

/** Returns the deadline of the request that the calling code runs for, or undefined outside of a request. */
export function currentDeadline(): Deadline | undefined {
  return storage.getStore()
}

/** Runs a function, and everything that it starts, under a deadline. Pass undefined for work that many requests share. */
export function withinDeadline<T>(deadline: Deadline | undefined, run: () => T): T {
  return storage.run(deadline, run)
}

/** Waits for work that does not observe the current deadline itself. @throws DeadlineError */
export function beforeDeadline<T>(work: Promise<T>): Promise<T> {
  return storage.getStore()?.race(work) ?? work
}

/**
 * Runs cleanup after a failure, such as the release of a claim or a lock, or the deletion of parts. If the deadline has passed, the
 * cleanup gets a short time of its own. What it cannot finish is cleaned up as after a crash.
 */
export async function cleanUp<T>(work: () => Promise<T>): Promise<T> {
  const deadline = storage.getStore()
  if (!deadline) return await work()
  const grace = deadline.grace()
  try {
    return await storage.run(grace, work)
  } finally {
    grace.end()
  }
}
