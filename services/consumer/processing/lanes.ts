import { Queue } from './queue.ts'

/**
 * Runs jobs in parallel lanes: one at a time and in order within a key, keys beside each other, `concurrency` at once. A job
 * that asks to be tried later gives its place to another key meanwhile, and its own key waits for it.
 */
export class Lanes<Job> {
  readonly #concurrency: number
  readonly #createRunner: RunnerFactory<Job>
  /** Places that are free, of those that jobs have run in so far. */
  readonly #free: Place<Job>[] = []
  #lanes = new Map<string, Lane<Job>>()
  /** Lanes with nothing to do, which are kept for a while. */
  #atRest = 0
  /** Lanes whose first job could start now. */
  readonly #ready = new Queue<Lane<Job>>()
  #running = 0
  #closed = false
  #idle: PromiseWithResolvers<void> | undefined

  constructor(concurrency: number, createRunner: RunnerFactory<Job>) {
    this.#concurrency = concurrency
    this.#createRunner = createRunner
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
    if (this.#running === this.#concurrency || this.#closed) return
    this.#running++
    this.#work(this.#free.pop() ?? this.#createPlace())
  }

  #createPlace(): Place<Job> {
    const place: Place<Job> = {
      lane: undefined,
      run: this.#createRunner(outcome => {
        if (place.lane) this.#leave(place.lane, outcome)
        this.#work(place)
      }),
    }
    return place
  }

  /** One job after the other in a place, for as long as there is one that can start and each ends at once. */
  #work(place: Place<Job>): void {
    for (let lane = this.#next(); lane?.job !== undefined; lane = this.#next()) {
      place.lane = lane
      const outcome = place.run(lane.job)
      if (outcome === undefined) return
      this.#leave(lane, outcome)
    }
    place.lane = undefined
    this.#free.push(place)
    this.#running--
    if (this.#running === 0) this.#idle?.resolve()
  }

  #leave(lane: Lane<Job>, outcome: LaneOutcome): void {
    if (outcome === 'done') this.#advance(lane)
    else if (outcome !== 'stopped') this.#resume(lane, outcome.later)
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

/**
 * Does one job. Gives what the job came to where that is known at once; else undefined, and `ended` is told of it later. A
 * promise for each job would cost as much as the rest of its way.
 */
export type JobRunner<Job> = (job: Job) => LaneOutcome | undefined

/** Makes what does the jobs of one place, one at a time. `ended` is called once for each job that gave undefined. */
export type RunnerFactory<Job> = (ended: (outcome: LaneOutcome) => void) => JobRunner<Job>

const MOST_AT_REST = 1_024

/** One of the jobs that run at once. */
interface Place<Job> {
  lane: Lane<Job> | undefined
  readonly run: JobRunner<Job>
}

interface Lane<Job> {
  /** The one that runs, or that is the first to. None in a lane at rest. */
  job: Job | undefined
  waiting: Queue<Job> | undefined
}
