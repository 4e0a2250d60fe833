/** The state of something that is watched. */
export interface Snapshot<T> {
  /** A tag that changes exactly when `value` changes. */
  tag: string
  /** True if no further change is expected. */
  isFinal: boolean
  /** When the value last changed, in epoch milliseconds, by the clock of the process that changed it. */
  changedAt: number
  value: T
}

/** One request that waits for an upload to change. */
export class Watch<T> {
  #seen: Snapshot<T> | undefined
  #waiting: (() => void) | undefined
  #isOver = false
  readonly #onClose: () => void

  /** @param onClose called once */
  constructor(first: Snapshot<T>, onClose: () => void) {
    this.#seen = first
    this.#onClose = onClose
  }

  /** True once the watch is closed, by the code that opened it or because the process stops. */
  get isOver(): boolean {
    return this.#isOver
  }

  /**
   * Waits for a snapshot that is wanted, until the time is up or the watch is closed. Only one call may wait at a time.
   *
   * @param isWanted called at once and with every new snapshot. The snapshot is undefined if the upload no longer exists.
   * @returns the last snapshot, wanted or not
   */
  async until(isWanted: (snapshot: Snapshot<T> | undefined) => boolean, ms: number): Promise<Snapshot<T> | undefined> {
    let timer: NodeJS.Timeout | undefined
    let isTimeUp = false
    try {
      while (!this.#isOver && !isTimeUp && !isWanted(this.#seen)) {
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#waiting = resolve
        timer ??= setTimeout(() => {
          isTimeUp = true
          this.#waiting?.()
        }, ms)
        await promise
      }
      return this.#seen
    } finally {
      clearTimeout(timer)
      this.#waiting = undefined
    }
  }

  /** Passes a new snapshot to the watch. */
  show(snapshot: Snapshot<T> | undefined): void {
    this.#seen = snapshot
    this.#waiting?.()
  }

  /** Closes the watch and ends its wait. May be repeated. */
  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onClose()
    this.#waiting?.()
  }
}
