import type { Clock } from '../clock.ts'
import { HandlerTimeoutError } from '../errors.ts'

export interface CallLimitSettings {
  /** Milliseconds after which the signal of a call fires. */
  timeoutMs: number
  clock: Clock
  /** Fires when every call should end. */
  signal: AbortSignal
}

/** Grace period in milliseconds between the signal of a call and its failure. Shorter if the timeout is shorter. */
const GRACE_MS = 5_000

/**
 * Limits calls to code that may never return. The signal of a call fires at the timeout. A call that has not ended a
 * grace period later counts as failed and is abandoned.
 *
 * One timer watches the call that is due first. All calls have the same timeout, so no later call is due earlier. A
 * call therefore costs a list entry and not a timer.
 */
export class CallLimit {
  readonly #settings: CallLimitSettings
  readonly #graceMs: number
  /** Unordered: the last call moves to the place of a call that ends. */
  readonly #calls: Call[] = []
  #watching = false

  constructor(settings: CallLimitSettings) {
    this.#settings = settings
    this.#graceMs = Math.min(GRACE_MS, settings.timeoutMs)
    settings.signal.addEventListener('abort', () => this.#abortAll(), { once: true })
  }

  /**
   * Runs `work` within the limit.
   *
   * @throws the error of `work`, or HandlerTimeoutError for any error after the timeout
   */
  async run(work: (call: Call) => Promise<void>): Promise<void> {
    const abandoned = Promise.withResolvers<never>()
    const call = this.begin(this.#settings.clock.now(), abandoned.reject)
    try {
      await Promise.race([work(call), abandoned.promise])
    } catch (error) {
      throw this.failure(call, error)
    } finally {
      this.end(call)
    }
  }

  // The three parts of `run`, for the hot path, which avoids the promises of `run`.

  /**
   * Starts a call. It is in flight until `end`.
   *
   * @param now the clock's time, which the caller has just read
   * @param abandon called with the reason when the call is abandoned; its later outcome is ignored
   */
  begin(now: number, abandon: (error: HandlerTimeoutError) => void): Call {
    const { timeoutMs, signal } = this.#settings
    const call = new Call(now + timeoutMs, this.#calls.length, abandon)
    if (signal.aborted) call.abort(signal.reason)
    this.#calls.push(call)
    if (!this.#watching) void this.#watch()
    return call
  }

  /** Ends a call. An abandoned call has already ended. */
  end(call: Call): void {
    const { place } = call
    if (place === ENDED) return
    call.place = ENDED
    const last = this.#calls.pop()
    if (!last || last === call) return
    this.#calls[place] = last
    last.place = place
  }

  /** Returns the error of a failed call: the thrown one, or a HandlerTimeoutError if the call was already overdue. */
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
    // Iterates over a copy, because abandoned calls end and others start.
    for (const call of [...this.#calls]) {
      if (call.dueAt > now) continue
      const error = this.#timedOut()
      if (call.isOverdue) {
        this.end(call) // Ends before the waiting caller continues, so that this call is not the next one to be watched.
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
    const message = `The handler did not end within ${this.#settings.timeoutMs} ms.`
    return new HandlerTimeoutError(message, options)
  }
}

/** The place of a call that is no longer in the list. */
const ENDED = -1

/** One call in flight. Its signal is created on first access, because most handlers never use it. */
export class Call {
  dueAt: number
  /** Index in the list of calls. */
  place: number
  isOverdue = false
  readonly abandon: (error: HandlerTimeoutError) => void
  #controller: AbortController | undefined
  #aborted: { reason: unknown } | undefined

  constructor(dueAt: number, place: number, abandon: (error: HandlerTimeoutError) => void) {
    this.dueAt = dueAt
    this.place = place
    this.abandon = abandon
  }

  /** True if the call has ended or was abandoned. */
  get hasEnded(): boolean {
    return this.place === ENDED
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
}
