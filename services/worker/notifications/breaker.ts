export interface DestinationBreakerSettings {
  /** Failures in a row after which the breaker opens. */
  failures?: number
  /** How long it stays open at first, in milliseconds. Each failed probe doubles the time. */
  openMs?: number
  maxOpenMs?: number
  /** Called when the breaker opens after it was closed. */
  onOpen?: () => void
  onClose?: () => void
  /** Monotonic milliseconds. */
  now?: () => number
}

/**
 * A circuit breaker for one destination. While it is open, no notification is sent, except a probe after each interval. So a receiver
 * that hangs holds no lane for the time-out of each notification.
 */
export class DestinationBreaker {
  readonly #settings: Required<DestinationBreakerSettings>
  #failed = 0
  #openUntil: number | undefined
  #openMs = 0
  #isProbing = false

  constructor(settings: DestinationBreakerSettings = {}) {
    const { failures = 5, openMs = 5_000, maxOpenMs = 60_000 } = settings
    const { onOpen = () => undefined, onClose = () => undefined, now = () => performance.now() } = settings
    this.#settings = { failures, openMs, maxOpenMs, onOpen, onClose, now }
  }

  /** True while no notification may be sent. */
  get isOpen(): boolean {
    return this.#openUntil !== undefined && (this.#isProbing || this.#settings.now() < this.#openUntil)
  }

  /** Returns true if a notification may be sent. The caller must report the result. */
  enter(): boolean {
    if (this.isOpen) return false
    if (this.#openUntil !== undefined) this.#isProbing = true
    return true
  }

  succeeded(): void {
    const wasOpen = this.#openUntil !== undefined
    this.#failed = 0
    this.#openUntil = undefined
    this.#isProbing = false
    if (wasOpen) this.#settings.onClose()
  }

  failed(): void {
    const { failures, openMs, maxOpenMs, now, onOpen } = this.#settings
    this.#failed++
    const isOpen = this.#openUntil !== undefined
    // Attempts that began before the breaker opened say nothing new.
    if (isOpen && !this.#isProbing) return
    if (!isOpen && this.#failed < failures) return
    this.#openMs = isOpen ? Math.min(maxOpenMs, this.#openMs * 2) : openMs
    this.#openUntil = now() + this.#openMs
    this.#isProbing = false
    if (!isOpen) onOpen()
  }

  /** Reports an attempt that was cut off, and so says nothing about the receiver. */
  cutOff(): void {
    this.#isProbing = false
  }
}
