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

  // The three parts of `run`, for the hot path to use without its promises.

  /**
   * The call is under way from here on, until `end`.
   *
   * @param now the clock's time, which whoever begins a call has just asked for
   * @param abandon is told why the call is waited for no longer; what it comes to later is nobody's then
   */
  begin(now: number, abandon: (error: HandlerTimeoutError) => void): Call {
    const { timeoutMs, signal } = this.#settings
    const call = new Call(now + timeoutMs, this.#calls.length, abandon)
    if (signal.aborted) call.abort(signal.reason)
    this.#calls.push(call)
    if (!this.#watching) void this.#watch()
    return call
  }

  /** A call that was abandoned has ended already. */
  end(call: Call): void {
    const { place } = call
    if (place === ENDED) return
    call.place = ENDED
    const last = this.#calls.pop()
    if (!last || last === call) return
    this.#calls[place] = last
    last.place = place
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
    // Of a copy: one that is abandoned ends, and others begin.
    for (const call of [...this.#calls]) {
      if (call.dueAt > now) continue
      const error = this.#timedOut()
      if (call.isOverdue) {
        this.end(call) // Before whoever waits for it gets to it: it must not be what is watched next.
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

/** The place of a call that is in the list no more. */
const ENDED = -1

/** One call under way. Its signal is made when it is first asked for: most handlers never do. */
export class Call {
  dueAt: number
  /** Where it is in the list of calls. */
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

  /** Whether the call has come to its end, or is waited for no longer. */
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
