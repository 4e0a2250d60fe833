import { anySignal } from '../any-signal.ts'
import type { Clock, Random } from '../clock.ts'
import { type BackoffSettings, backoffMs } from './backoff.ts'

export interface BreakerPolicy extends BackoffSettings {
  /** Number of dependency failures in a row, over all shards of the worker, that open the breaker. */
  readonly failures: number
}

export type BreakerState = 'closed' | 'open' | 'half-open'

/**
 * The outcome of an admitted call. `other` says nothing about the dependency, for example if the record itself is
 * invalid.
 */
export type TryOutcome = 'success' | 'dependency failure' | 'other'

/** Identifies the state in which a call was admitted. Its outcome counts only while that state lasts. */
export type Permit = number

export interface BreakerSettings {
  policy: BreakerPolicy
  clock: Clock
  random: Random
  onOpened(event: { failures: number; retryInMs: number }): void
  onClosed(event: { openForMs: number }): void
}

/**
 * Stops the records of a worker while a dependency fails. Closed, it admits every call and counts failures in a row.
 * Open, it admits nothing until a backoff has passed. Half-open, it admits one call at a time: the first success closes
 * the breaker, and a failure of the dependency opens it for longer.
 *
 * The breaker has no timers. Waiting callers read the clock, so that an unused breaker costs nothing.
 */
export class CircuitBreaker {
  readonly #settings: BreakerSettings
  #generation: Permit = 0
  #failures = 0
  /** Number of times it opened without closing in between; 0 while it is closed. */
  #openings = 0
  #openedAt = 0
  /** Time at which the next call is admitted. */
  #nextTryAt = 0
  #probing = false
  #changed = new AbortController()

  constructor(settings: BreakerSettings) {
    this.#settings = settings
  }

  get state(): BreakerState {
    if (this.#openings === 0) return 'closed'
    return this.#probing || this.#settings.clock.now() >= this.#nextTryAt ? 'half-open' : 'open'
  }

  /** The permit of a closed breaker; undefined if callers must wait. */
  get permit(): Permit | undefined {
    return this.#openings === 0 ? this.#generation : undefined
  }

  /**
   * Waits until a call is admitted. Resolves to the permit with which the outcome is reported, or to undefined when the
   * signal fires.
   */
  async admit(signal: AbortSignal): Promise<Permit | undefined> {
    const { clock, policy } = this.#settings
    while (!signal.aborted) {
      if (this.#openings === 0) return this.#generation
      const wait = this.#nextTryAt - clock.now()
      if (wait <= 0) {
        // A hanging probe delays the others for the longest backoff, but not for ever.
        this.#nextTryAt = clock.now() + policy.maxMs
        this.#probing = true
        return ++this.#generation
      }
      const either = anySignal([signal, this.#changed.signal])
      await clock.sleep(wait, either.signal)
      either.release()
    }
    return undefined
  }

  settle(permit: Permit, outcome: TryOutcome): void {
    if (permit !== this.#generation) return // The call was admitted before the last change, so its outcome says nothing about the current state.
    if (outcome === 'success') this.#close()
    else if (outcome === 'dependency failure') this.#fail()
    else if (this.#probing) this.#probeAgain()
  }

  #close(): void {
    this.#failures = 0
    if (this.#openings === 0) return
    this.#openings = 0
    this.#change()
    this.#settings.onClosed({ openForMs: this.#settings.clock.now() - this.#openedAt })
  }

  #fail(): void {
    const { policy, clock, random, onOpened } = this.#settings
    this.#failures++
    if (this.#openings === 0 && this.#failures < policy.failures) return
    if (this.#openings++ === 0) this.#openedAt = clock.now()
    const retryInMs = backoffMs(policy, this.#openings, random)
    this.#nextTryAt = clock.now() + retryInMs
    this.#change()
    onOpened({ failures: this.#failures, retryInMs })
  }

  #probeAgain(): void {
    this.#nextTryAt = this.#settings.clock.now()
    this.#change()
  }

  #change(): void {
    this.#generation++
    this.#probing = false
    this.#changed.abort()
    this.#changed = new AbortController()
  }
}
