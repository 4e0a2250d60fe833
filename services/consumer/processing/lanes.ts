import { KeyTable } from './key-table.ts'
import { hashOf } from './lane-of.ts'
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
  /** Those with a job: a key without one has no lane. */
  readonly #lanes = new KeyTable<Lane<Job>>()
  /** Lanes whose first job could start now. */
  readonly #ready = new Queue<Lane<Job>>()
  /**
   * Jobs that are in no lane yet, each with its key, and come behind those that are. A lane is made when there is a place for
   * its job, so that there are few of them however many jobs wait.
   */
  readonly #jobs = new Queue<Job>()
  readonly #keys = new Queue<string>()
  #running = 0
  #closed = false
  #idle: PromiseWithResolvers<void> | undefined

  constructor(concurrency: number, createRunner: RunnerFactory<Job>) {
    this.#concurrency = concurrency
    this.#createRunner = createRunner
  }

  add(key: string, job: Job): void {
    if (this.#closed) return
    if (this.#running < this.#concurrency) {
      // Nothing waits for a place then.
      const lane = this.#enter(key, job)
      if (lane) this.#start(lane)
    } else {
      this.#keys.push(key)
      this.#jobs.push(job)
    }
  }

  /** Starts no more jobs. Resolves when those that run have come to an end. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#running === 0) return
    this.#idle ??= Promise.withResolvers<void>()
    await this.#idle.promise
  }

  /** Puts a job into its lane. Gives the lane where the job is its first. */
  #enter(key: string, job: Job): Lane<Job> | undefined {
    const hash = hashOf(key)
    const lane = this.#lanes.find(key, hash)
    if (lane) {
      lane.waiting ??= new Queue()
      lane.waiting.push(job)
      return undefined
    }
    const made: Lane<Job> = { key, hash, job, waiting: undefined, next: undefined }
    this.#lanes.add(made)
    return made
  }

  #start(lane: Lane<Job>): void {
    this.#running++
    this.#work(this.#free.pop() ?? this.#createPlace(), lane)
  }

  #createPlace(): Place<Job> {
    const place: Place<Job> = {
      lane: undefined,
      run: this.#createRunner(outcome => {
        if (place.lane) this.#leave(place.lane, outcome)
        this.#work(place, this.#next())
      }),
    }
    return place
  }

  /** One job after the other in a place, for as long as there is one that can start and each ends at once. */
  #work(place: Place<Job>, first: Lane<Job> | undefined): void {
    for (let lane = first; lane; lane = this.#next()) {
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
    if (this.#closed) return undefined
    let lane = this.#ready.shift()
    while (lane === undefined) {
      const key = this.#keys.shift()
      const job = this.#jobs.shift()
      if (key === undefined || job === undefined) return undefined
      lane = this.#enter(key, job)
    }
    return lane
  }

  #advance(lane: Lane<Job>): void {
    const next = lane.waiting?.shift()
    if (next === undefined) this.#lanes.delete(lane)
    else {
      lane.job = next
      this.#ready.push(lane)
    }
  }

  #resume(lane: Lane<Job>, later: Promise<void>): void {
    void later.then(() => {
      if (this.#closed) return
      if (this.#running < this.#concurrency) this.#start(lane)
      else this.#ready.push(lane)
    })
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

/** One of the jobs that run at once. */
interface Place<Job> {
  lane: Lane<Job> | undefined
  readonly run: JobRunner<Job>
}

interface Lane<Job> {
  readonly key: string
  readonly hash: number
  /** The one that runs, or that is the first to. */
  job: Job
  waiting: Queue<Job> | undefined
  next: Lane<Job> | undefined
}
