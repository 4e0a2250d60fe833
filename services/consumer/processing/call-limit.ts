import type { Clock } from '../clock.ts'
import { HandlerTimeoutError } from '../errors.ts'

export interface CallLimitSettings {
  /** Milliseconds that a call gets before its signal fires. */
  timeoutMs: number
  clock: Clock
  /** Fires when every call should give up. */
  signal: AbortSignal
}

/** Milliseconds between a call's signal and its being counted as failed, unless the time-out itself is shorter. */
const GRACE_MS = 5_000

/**
 * Calls code that may never come back. After the time-out the call's signal fires; a call that has not ended a grace later
 * is counted as failed and left to itself.
 *
 * One timer watches the call that is due first. All have the same time-out, so none that begins later is due before it, and
 * a call costs a place in a list instead of a timer of its own.
 */
export class CallLimit {
  readonly #settings: CallLimitSettings
  readonly #graceMs: number
  /** In no order: a call that ends gives its place to the last one. */
  readonly #calls: Call[] = []
  #watching = false

  constructor(settings: CallLimitSettings) {
    this.#settings = settings
    this.#graceMs = Math.min(GRACE_MS, settings.timeoutMs)
    settings.signal.addEventListener('abort', () => this.#abortAll(), { once: true })
  }

  /** Runs `work` within the limit. @throws what it threw, or HandlerTimeoutError for what it did after its time was up */
  async run(work: (call: Call) => Promise<void>): Promise<void> {
    const call = this.begin()
    try {
      await call.outcome(work(call))
    } catch (error) {
      throw this.failure(call, error)
    } finally {
      this.end(call)
    }
  }

  // The three parts of `run`, for the hot path to use without a promise more.

  /** The call is under way from here on, until `end`. */
  begin(): Call {
    const { clock, timeoutMs, signal } = this.#settings
    const call = new Call(clock.now() + timeoutMs, this.#calls.length)
    if (signal.aborted) call.abort(signal.reason)
    this.#calls.push(call)
    if (!this.#watching) void this.#watch()
    return call
  }

  end(call: Call): void {
    const last = this.#calls.pop()
    if (!last || last === call) return
    this.#calls[call.place] = last
    last.place = call.place
  }

  /** What a call failed by: what it threw, unless its time was up before. */
  failure(call: Call, thrown: unknown): unknown {
    if (!call.isOverdue || thrown instanceof HandlerTimeoutError) return thrown
    return this.#timedOut({ cause: thrown })
  }

  async #watch(): Promise<void> {
    const { clock, signal } = this.#settings
    this.#watching = true
    while (this.#calls.length > 0 && !signal.aborted) {
      const due = this.#calls.reduce((first, call) => Math.min(first, call.dueAt), Number.POSITIVE_INFINITY)
      await clock.sleep(due - clock.now(), signal)
      this.#sweep(clock.now())
    }
    this.#watching = false
  }

  #sweep(now: number): void {
    for (const call of this.#calls) {
      if (call.dueAt > now) continue
      const error = this.#timedOut()
      if (call.isOverdue) {
        call.dueAt = Number.POSITIVE_INFINITY // Its end is under way.
        call.abandon(error)
      } else {
        call.isOverdue = true
        call.dueAt = now + this.#graceMs
        call.abort(error)
      }
    }
  }

  #abortAll(): void {
    for (const call of this.#calls) call.abort(this.#settings.signal.reason)
  }

  #timedOut(options?: { cause: unknown }): HandlerTimeoutError {
    const message = `The handler has not come to an end within ${this.#settings.timeoutMs} ms.`
    return new HandlerTimeoutError(message, options)
  }
}

/** One call under way. Its signal is made when it is first asked for: most handlers never do. */
export class Call {
  dueAt: number
  /** Where it is in the list of calls. */
  place: number
  isOverdue = false
  #abandon: ((error: unknown) => void) | undefined
  #controller: AbortController | undefined
  #aborted: { reason: unknown } | undefined

  constructor(dueAt: number, place: number) {
    this.dueAt = dueAt
    this.place = place
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted) this.#controller.abort(this.#aborted.reason)
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#aborted ??= { reason }
    this.#controller?.abort(reason)
  }

  /** What the work comes to, or a rejection once the call is abandoned; what the work comes to later is nobody's then. */
  outcome(work: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#abandon = reject
      // A handler without types may give back anything.
      Promise.resolve(work).then(resolve, reject)
    })
  }

  abandon(error: unknown): void {
    this.#abandon?.(error)
  }
}
