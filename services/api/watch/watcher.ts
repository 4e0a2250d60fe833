import type { Logger } from '../../platform/log.ts'
import { pollDelayMs } from './poll-delay.ts'
import type { Snapshot } from './watch.ts'

export interface WatcherSettings<T> {
  /** Reads the state. Resolves to undefined if the upload no longer exists. Rejects when the signal is aborted. */
  read(signal: AbortSignal): Promise<Snapshot<T> | undefined>
  /** Called with the result of every successful read. */
  onSnapshot(snapshot: Snapshot<T> | undefined): void
  log: Pick<Logger, 'warn'>
  now(): number
  random(): number
}

/** Timeout of a read, in milliseconds. */
const READ_TIMEOUT_MS = 5_000

/** Polls one upload until it is stopped. The longer the upload has not changed, the longer the delay between two reads. */
export class Watcher<T> {
  readonly #settings: WatcherSettings<T>
  readonly #stopped = new AbortController()
  #changedAt: number
  #timer: NodeJS.Timeout | undefined
  #isReading = false
  /** True if a refresh was requested during a read. That read may have started before the change, so another one follows. */
  #again = false
  #failures = 0

  constructor(settings: WatcherSettings<T>, first: Snapshot<T>) {
    this.#settings = settings
    this.#changedAt = first.changedAt
    this.#schedule()
  }

  /** Reads now. */
  refresh(): void {
    this.#again = this.#isReading
    if (this.#isReading || this.#stopped.signal.aborted) return
    clearTimeout(this.#timer)
    void this.#read()
  }

  stop(): void {
    this.#stopped.abort()
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    if (this.#stopped.signal.aborted) return
    const { now, random } = this.#settings
    const ms = this.#again ? 0 : pollDelayMs(now() - this.#changedAt, this.#failures, random())
    this.#again = false
    this.#timer = setTimeout(() => void this.#read(), ms)
  }

  async #read(): Promise<void> {
    const { read, onSnapshot, log } = this.#settings
    this.#isReading = true
    try {
      const snapshot = await read(AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(READ_TIMEOUT_MS)]))
      this.#failures = 0
      if (snapshot) this.#changedAt = snapshot.changedAt
      if (!this.#stopped.signal.aborted) onSnapshot(snapshot)
    } catch (err) {
      // The requests keep waiting. If an outage ended all of them, all clients would send them again at once.
      if (!this.#stopped.signal.aborted && this.#failures++ === 0)
        log.warn({ err }, 'reading an upload for its waiting requests failed')
    } finally {
      this.#isReading = false
      this.#schedule()
    }
  }
}
