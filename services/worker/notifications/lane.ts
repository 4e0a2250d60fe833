/** Runs jobs with a limited number in flight and a limited number waiting. */
export class Lane {
  readonly #concurrency: number
  readonly #maxWaiting: number
  readonly #waiting: Array<(mayRun: boolean) => void> = []
  #running = 0

  constructor({ concurrency, maxWaiting }: { concurrency: number; maxWaiting: number }) {
    this.#concurrency = concurrency
    this.#maxWaiting = maxWaiting
  }

  /** Runs a job when it is its turn. Resolves to undefined if the job is refused: too many wait, or `refuseWaiting` was called. */
  async run<T>(job: () => Promise<T>): Promise<T | undefined> {
    if (this.#running >= this.#concurrency) {
      if (this.#waiting.length >= this.#maxWaiting) return undefined
      const mayRun = await new Promise<boolean>(resolve => this.#waiting.push(resolve))
      if (!mayRun) return undefined
    } else this.#running++
    try {
      return await job()
    } finally {
      // The next job takes over the place.
      const next = this.#waiting.shift()
      if (next) next(true)
      else this.#running--
    }
  }

  refuseWaiting(): void {
    for (const refuse of this.#waiting.splice(0)) refuse(false)
  }
}
