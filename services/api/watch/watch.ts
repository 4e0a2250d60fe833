import type { Sight } from './snapshot.ts'

/** One who waits for something to change. */
export class Watch<T> {
  #seen: Sight<T> | undefined
  #waiting: (() => void) | undefined
  #isOver = false
  readonly #onClose: () => void

  /** @param onClose called once */
  constructor(first: Sight<T>, onClose: () => void) {
    this.#seen = first
    this.#onClose = onClose
  }

  /** Nothing more will be seen: it was closed, by whoever opened it or because the process stops. */
  get isOver(): boolean {
    return this.#isOver
  }

  /**
   * Waits until what is seen is what is wanted, but no longer than so many milliseconds, nor after the end of the watch. One
   * wait at a time.
   *
   * @param isWanted asked at once, and with every new sight: undefined where it is gone
   * @returns what was seen last, wanted or not
   */
  async until(isWanted: (sight: Sight<T> | undefined) => boolean, ms: number): Promise<Sight<T> | undefined> {
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

  /** Whoever makes the watch shows it what is seen. */
  show(sight: Sight<T> | undefined): void {
    this.#seen = sight
    this.#waiting?.()
  }

  /** Ends the watch and whatever waits on it. Doing it again does nothing. */
  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onClose()
    this.#waiting?.()
  }
}
