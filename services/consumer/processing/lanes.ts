import { Queue } from './queue.ts'

/**
 * Runs jobs in parallel lanes: one at a time and in order within a key, keys beside each other, `concurrency` at once. A job
 * that asks to be tried later gives its place to another key meanwhile, and its own key waits for it.
 */
export class Lanes<Job> {
  readonly #concurrency: number
  readonly #run: (job: Job) => Promise<LaneOutcome>
  #lanes = new Map<string, Lane<Job>>()
  /** Lanes with nothing to do, which are kept for a while. */
  #atRest = 0
  /** Lanes whose first job could start now. */
  readonly #ready = new Queue<Lane<Job>>()
  #running = 0
  #closed = false
  #idle: PromiseWithResolvers<void> | undefined

  /** @param run does one job; it must not reject */
  constructor(concurrency: number, run: (job: Job) => Promise<LaneOutcome>) {
    this.#concurrency = concurrency
    this.#run = run
  }

  add(key: string, job: Job): void {
    let lane = this.#lanes.get(key)
    if (!lane) {
      lane = { job, waiting: undefined }
      this.#lanes.set(key, lane)
    } else if (lane.job === undefined) {
      lane.job = job
      this.#atRest--
    } else {
      lane.waiting ??= new Queue()
      lane.waiting.push(job)
      return
    }
    this.#makeReady(lane)
  }

  /** Starts no more jobs. Resolves when those that run have come to an end. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#running === 0) return
    this.#idle ??= Promise.withResolvers<void>()
    await this.#idle.promise
  }

  #makeReady(lane: Lane<Job>): void {
    this.#ready.push(lane)
    if (this.#running < this.#concurrency && !this.#closed) void this.#work()
  }

  /** One of the jobs that run at once, and then the next, for as long as there is one: cheaper than to start each anew. */
  async #work(): Promise<void> {
    this.#running++
    for (let lane = this.#next(); lane?.job !== undefined; lane = this.#next()) {
      const outcome = await this.#run(lane.job)
      if (outcome === 'done') this.#advance(lane)
      else if (outcome !== 'stopped') this.#resume(lane, outcome.later)
    }
    this.#running--
    if (this.#running === 0) this.#idle?.resolve()
  }

  #next(): Lane<Job> | undefined {
    return this.#closed ? undefined : this.#ready.shift()
  }

  #advance(lane: Lane<Job>): void {
    lane.job = lane.waiting?.shift()
    if (lane.job !== undefined) this.#ready.push(lane)
    else if (++this.#atRest > MOST_AT_REST && this.#atRest * 2 > this.#lanes.size) this.#forget()
  }

  /**
   * Drops the lanes at rest, all at once and by a new map. A map that grows and shrinks with each reply leaves a chain of old
   * tables, each holding the next and the records that were in it, which the collector of young objects has to carry along.
   */
  #forget(): void {
    const lanes = new Map<string, Lane<Job>>()
    if (this.#atRest < this.#lanes.size) {
      for (const [key, lane] of this.#lanes) if (lane.job !== undefined) lanes.set(key, lane)
    }
    this.#lanes = lanes
    this.#atRest = 0
  }

  #resume(lane: Lane<Job>, later: Promise<void>): void {
    void later.then(() => this.#makeReady(lane))
  }
}

/** A job is done, or is to be tried again once `later` resolves, or its lane has come to an end without it. */
export type LaneOutcome = 'done' | 'stopped' | { later: Promise<void> }

const MOST_AT_REST = 1_024

interface Lane<Job> {
  /** The one that runs, or that is the first to. None in a lane at rest. */
  job: Job | undefined
  waiting: Queue<Job> | undefined
}
