/**
 * Runs jobs in parallel lanes: one at a time and in order within a key, keys beside each other, `concurrency` at once. A job
 * that asks to be tried later gives its place to another key meanwhile, and its own key waits for it.
 */
export class Lanes<Job> {
  readonly #concurrency: number
  readonly #run: (job: Job) => Promise<LaneOutcome>
  readonly #queues = new Map<string, Job[]>()
  /** Keys whose first job could start now. */
  readonly #ready: string[] = []
  #running = 0
  #closed = false
  #idle = Promise.withResolvers<void>()

  /** @param run does one job; it must not reject */
  constructor(concurrency: number, run: (job: Job) => Promise<LaneOutcome>) {
    this.#concurrency = concurrency
    this.#run = run
  }

  add(key: string, job: Job): void {
    const queue = this.#queues.get(key)
    if (queue) {
      queue.push(job)
      return
    }
    this.#queues.set(key, [job])
    this.#ready.push(key)
    this.#fill()
  }

  /** Starts no more jobs. Resolves when those that run have come to an end. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#running > 0) await this.#idle.promise
  }

  #fill(): void {
    while (!this.#closed && this.#running < this.#concurrency) {
      const key = this.#ready.shift()
      if (key === undefined) return
      void this.#runFirst(key)
    }
  }

  async #runFirst(key: string): Promise<void> {
    const queue = this.#queues.get(key)
    const job = queue?.[0]
    if (!queue || job === undefined) return
    this.#running++
    const outcome = await this.#run(job)
    this.#running--
    if (outcome === 'done') {
      queue.shift()
      this.#requeue(key, queue)
    } else if (outcome !== 'stopped') {
      void outcome.later.then(() => this.#requeue(key, queue))
    }
    if (this.#running === 0) {
      this.#idle.resolve()
      this.#idle = Promise.withResolvers<void>()
    }
    this.#fill()
  }

  #requeue(key: string, queue: readonly Job[]): void {
    if (queue.length === 0) this.#queues.delete(key)
    else this.#ready.push(key)
    this.#fill()
  }
}

/** A job is done, or is to be tried again once `later` resolves, or its lane has come to an end without it. */
export type LaneOutcome = 'done' | 'stopped' | { later: Promise<void> }
