export interface DestinationBreakerSettings {
  /** Failures in a row after which the breaker opens. */
  failures?: number
  /** How long it stays open at first, in milliseconds. Each failed probe doubles the time. */
  openMs?: number
  maxOpenMs?: number
  /** Called when the breaker opens because of failures after it was closed. */
  onOpen?: () => void
  /** Called when the destination accepts a notification after `onOpen`. */
  onClose?: () => void
  /** Monotonic milliseconds. */
  now?: () => number
}

/**
 * A circuit breaker for one destination. While it is open, no notification is sent, except a probe after each interval. So a receiver
 * that hangs holds no lane for the time-out of each notification. A receiver that asks for a wait also opens it, for that time.
 */
export class DestinationBreaker {
  readonly #settings: Required<DestinationBreakerSettings>
  #failed = 0
  #openUntil: number | undefined
  #openMs = 0
  #isProbing = false
  #isReported = false

  constructor(settings: DestinationBreakerSettings = {}) {
    const { failures = 5, openMs = 5_000, maxOpenMs = 60_000 } = settings
    const { onOpen = () => undefined, onClose = () => undefined, now = () => performance.now() } = settings
    this.#settings = { failures, openMs, maxOpenMs, onOpen, onClose, now }
  }

  /** True while no notification may be sent. */
  get isOpen(): boolean {
    return this.#openUntil !== undefined && (this.#isProbing || this.#settings.now() < this.#openUntil)
  }

  /** For how long no notification may be sent, in milliseconds. 0 if one may be sent, and while a probe is in flight. */
  get heldForMs(): number {
    return Math.max(0, (this.#openUntil ?? 0) - this.#settings.now())
  }

  /** Returns true if a notification may be sent. The caller must report the result. */
  enter(): boolean {
    if (this.isOpen) return false
    if (this.#openUntil !== undefined) this.#isProbing = true
    return true
  }

  succeeded(): void {
    this.#failed = 0
    this.#openUntil = undefined
    this.#openMs = 0
    this.#isProbing = false
    if (!this.#isReported) return
    this.#isReported = false
    this.#settings.onClose()
  }

  /**
   * Reports a failed attempt.
   *
   * @param waitMs how long the receiver asked to wait, in milliseconds
   */
  failed(waitMs = 0): void {
    const { failures, openMs, maxOpenMs, now, onOpen } = this.#settings
    const waitUntil = now() + waitMs
    this.#failed++
    if (this.#openUntil !== undefined && !this.#isProbing) {
      // Attempts that began before the breaker opened say nothing new, unless the receiver asks for a longer wait.
      if (waitMs > 0) this.#openUntil = Math.max(this.#openUntil, waitUntil)
      return
    }
    this.#isProbing = false
    if (this.#failed < failures) {
      this.#openUntil = waitMs > 0 ? waitUntil : undefined
      return
    }
    this.#openMs = this.#openMs > 0 ? Math.min(maxOpenMs, this.#openMs * 2) : openMs
    this.#openUntil = Math.max(waitUntil, now() + this.#openMs)
    if (this.#isReported) return
    this.#isReported = true
    onOpen()
  }

  /** Reports an attempt that was cut off, and so says nothing about the receiver. */
  cutOff(): void {
    this.#isProbing = false
  }
}
