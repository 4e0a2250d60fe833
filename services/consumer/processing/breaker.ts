import { anySignal } from '../any-signal.ts'
import type { Clock, Random } from '../clock.ts'
import { type BackoffSettings, backoffMs } from './backoff.ts'

export interface BreakerPolicy extends BackoffSettings {
  /** Failures of a dependency in a row, over all shards of the worker, that open the breaker. */
  readonly failures: number
}

export type BreakerState = 'closed' | 'open' | 'half-open'

/** What a try that was let through came to. `other` says nothing of the dependency, as when the record itself is wrong. */
export type TryOutcome = 'success' | 'dependency failure' | 'other'

/** Names the state that a try was let through in: what it comes to counts only while that state lasts. */
export type Permit = number

export interface BreakerSettings {
  policy: BreakerPolicy
  clock: Clock
  random: Random
  onOpened(event: { failures: number; retryInMs: number }): void
  onClosed(event: { openForMs: number }): void
}

/**
 * Holds a worker's records back while a dependency of theirs fails. Closed, it lets everything through and counts failures
 * in a row. Open, it lets nothing through until a backoff is over. Half-open, it lets one try through at a time: the first
 * success closes it, a failure of the dependency opens it for longer.
 *
 * It has no timers: whoever waits reads the clock, so that a breaker nobody waits for costs nothing.
 */
export class CircuitBreaker {
  readonly #settings: BreakerSettings
  #generation: Permit = 0
  #failures = 0
  /** Times it has opened without closing in between; 0 while it is closed. */
  #openings = 0
  #openedAt = 0
  /** When the next try is let through. */
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

  /** A permit without waiting, where the breaker is closed. */
  get permit(): Permit | undefined {
    return this.#openings === 0 ? this.#generation : undefined
  }

  /** Resolves when a try is let through, with the permit that its outcome is told by; to undefined when the signal fires. */
  async admit(signal: AbortSignal): Promise<Permit | undefined> {
    const { clock, policy } = this.#settings
    while (!signal.aborted) {
      if (this.#openings === 0) return this.#generation
      const wait = this.#nextTryAt - clock.now()
      if (wait <= 0) {
        // A probe that hangs holds the others up for as long as the longest backoff, not for ever.
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
    if (permit !== this.#generation) return // From before the last change: it says nothing of how things are now.
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
