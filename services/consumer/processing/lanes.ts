import { type FairGroup, FairQueue } from './fair-queue.ts'
import type { JobRunner, LaneOutcome, RunnerFactory } from './job-runner.ts'
import { KeyTable } from './key-table.ts'
import { hashOf, NO_KEY } from './lane-of.ts'
import { Queue } from './queue.ts'
import type { YieldLimit } from './yield-limit.ts'

export interface LanesSettings<Job> {
  /** Maximum number of jobs that have a place. */
  concurrency: number
  createRunner: RunnerFactory<Job>
  /** Shared by the shards of the worker. */
  yields: YieldLimit
  /** If omitted, jobs are served in the order in which they arrive. */
  fairness?: Fairness<Job> | undefined
}

export interface Fairness<Job> {
  /** Must not throw. */
  keyOf(job: Job): string
  /** Maximum number of jobs of one fairness key that have a place. */
  maxRunningPerKey: number
}

/**
 * Runs jobs in parallel lanes: jobs of one key run in order, one at a time; jobs of different keys run concurrently, up
 * to `concurrency`. A job without a key has a lane of its own. A job that waits for a retry gives its place to another
 * key, and its own key waits for it. So does a job that yields its place and continues.
 */
export class Lanes<Job> {
  readonly #settings: LanesSettings<Job>
  readonly #concurrency: number
  /** Free places, among those created so far. */
  readonly #freePlaces: Place<Job>[] = []
  /** Lanes that have a job; a key without a job has no lane. With fairness, a waiting job also has a lane. */
  readonly #lanes = new KeyTable<Lane<Job>>()
  /** Lanes whose first job could start now. */
  readonly #ready = new Queue<Lane<Job>>()
  /**
   * Jobs without a lane, each with its key. They come after those in a lane. A lane is created when its job gets a
   * place, so there are few lanes even if many jobs wait.
   */
  readonly #jobs = new Queue<Job>()
  readonly #keys = new Queue<string>()
  /** Replaces the three queues above if jobs wait by fairness key. */
  readonly #fair: FairQueue<Lane<Job>> | undefined
  /** Places whose job continues without being counted. */
  readonly #yielded = new Set<Place<Job>>()
  #running = 0
  #closed = false
  #isAbandoned = false
  #isFilling = false
  #idle: PromiseWithResolvers<void> | undefined

  constructor(settings: LanesSettings<Job>) {
    this.#settings = settings
    this.#concurrency = settings.concurrency
    const { fairness, yields } = settings
    if (!fairness) return
    const { maxRunningPerKey } = fairness
    this.#fair = new FairQueue({ maxRunningPerKey, yields, onWoken: () => this.#fillSoon() })
  }

  add(key: string, job: Job): void {
    if (this.#closed) return
    if (this.#fair) {
      const lane = this.#enter(key, job)
      if (!lane) return
      this.#wait(lane)
      this.#fill()
    } else if (this.#running < this.#concurrency) {
      // No job waits for a place in this case.
      const lane = this.#enter(key, job)
      if (lane) this.#start(lane)
    } else {
      this.#keys.push(key)
      this.#jobs.push(job)
    }
  }

  /** Starts no further jobs. Resolves when the running jobs have ended. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#running + this.#yielded.size === 0) return
    this.#idle ??= Promise.withResolvers<void>()
    await this.#idle.promise
  }

  /** Stops waiting for jobs: those without a place no longer count against the limit of the worker. */
  abandon(): void {
    this.#closed = true
    this.#isAbandoned = true
    for (const place of this.#yielded) this.#uncount(place)
  }

  /** Adds a job to its lane. Returns the lane if the job is the first one in it. */
  #enter(key: string, job: Job): Lane<Job> | undefined {
    const hash = hashOf(key)
    const lane = key === NO_KEY ? undefined : this.#lanes.find(key, hash)
    if (lane) {
      lane.waiting ??= new Queue()
      lane.waiting.push(job)
      return undefined
    }
    const created: Lane<Job> = { key, hash, job, waiting: undefined, group: undefined, next: undefined }
    if (this.#fair) this.#group(created)
    if (key !== NO_KEY) this.#lanes.add(created)
    return created
  }

  /** A lane belongs to the fairness key of its first job, because the jobs of a lane may have different ones. */
  #group(lane: Lane<Job>): void {
    const { fairness } = this.#settings
    if (!fairness || !this.#fair) return
    const before = lane.group
    lane.group = this.#fair.enter(fairness.keyOf(lane.job))
    if (before) this.#fair.leave(before)
  }

  #wait(lane: Lane<Job>): void {
    if (lane.group && this.#fair) this.#fair.push(lane.group, lane)
    else this.#ready.push(lane)
  }

  #start(lane: Lane<Job>): void {
    this.#running++
    this.#work(this.#freePlaces.pop() ?? this.#createPlace(), lane)
  }

  #createPlace(): Place<Job> {
    const place: Place<Job> = {
      lane: undefined,
      state: 'kept',
      yieldedKey: undefined,
      run: this.#settings.createRunner(
        outcome => this.#ended(place, outcome),
        () => this.#yield(place),
      ),
    }
    return place
  }

  /** Runs one job after another in a place, while there is one that can start and each ends at once. */
  #work(place: Place<Job>, first: Lane<Job> | undefined): void {
    for (let lane = first; lane; lane = this.#next()) {
      place.lane = lane
      const outcome = place.run(lane.job)
      if (outcome === undefined) return
      // In most cases nothing has to be counted.
      if (place.state === 'kept' && lane.group === undefined) this.#leave(lane, outcome)
      else this.#finish(place, outcome)
    }
    this.#freePlace(place)
    this.#running--
    this.#resolveIfIdle()
  }

  /** Handles the end of a job that did not end at once. */
  #ended(place: Place<Job>, outcome: LaneOutcome): void {
    const isReplaced = place.state === 'replaced'
    this.#finish(place, outcome)
    if (isReplaced) {
      this.#freePlace(place)
      this.#resolveIfIdle()
      this.#fill()
    } else this.#work(place, this.#next())
  }

  #finish(place: Place<Job>, outcome: LaneOutcome): void {
    const { lane, state } = place
    if (state !== 'kept') {
      this.#uncount(place)
      this.#yielded.delete(place)
      place.state = 'kept'
    }
    if (!lane) return
    if (state !== 'replaced' && lane.group) this.#fair?.release(lane.group)
    this.#leave(lane, outcome)
  }

  #leave(lane: Lane<Job>, outcome: LaneOutcome): void {
    if (outcome === 'done') this.#advance(lane)
    else if (outcome !== 'stopped') this.#resume(lane, outcome.later)
  }

  /** Frees a place. If many jobs yielded theirs, there are more places than are needed. */
  #freePlace(place: Place<Job>): void {
    place.lane = undefined
    if (this.#freePlaces.length < this.#concurrency) this.#freePlaces.push(place)
  }

  #resolveIfIdle(): void {
    if (this.#running + this.#yielded.size === 0) this.#idle?.resolve()
  }

  /**
   * Lets the job in a place continue without it. Another job starts in a microtask and not here: otherwise handlers
   * that yield before they return would call each other recursively.
   */
  #yield(place: Place<Job>): boolean {
    const { lane, state } = place
    if (!lane || this.#closed) return false
    if (state !== 'kept') return true
    const { key, hash } = lane.group ?? NO_GROUP
    if (!this.#settings.yields.tryYield(key, hash)) return false
    place.state = 'yielded'
    place.yieldedKey = { key, hash }
    queueMicrotask(() => this.#replace(place))
    return true
  }

  #replace(place: Place<Job>): void {
    if (place.state !== 'yielded') return
    place.state = 'replaced'
    this.#yielded.add(place)
    if (this.#isAbandoned) this.#uncount(place)
    if (place.lane?.group) this.#fair?.release(place.lane.group)
    this.#work(this.#freePlaces.pop() ?? this.#createPlace(), this.#next())
  }

  #uncount(place: Place<Job>): void {
    if (!place.yieldedKey) return
    const { key, hash } = place.yieldedKey
    place.yieldedKey = undefined
    this.#settings.yields.end(key, hash)
  }

  #fill(): void {
    while (this.#running < this.#concurrency) {
      const lane = this.#next()
      if (!lane) return
      this.#start(lane)
    }
  }

  #fillSoon(): void {
    if (this.#isFilling) return
    this.#isFilling = true
    queueMicrotask(() => {
      this.#isFilling = false
      this.#fill()
    })
  }

  #next(): Lane<Job> | undefined {
    if (this.#closed) return undefined
    if (this.#fair) return this.#fair.shift()
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
    if (next === undefined) {
      if (lane.key !== NO_KEY) this.#lanes.delete(lane)
      if (lane.group) this.#fair?.leave(lane.group)
    } else {
      lane.job = next
      if (this.#fair) this.#group(lane)
      this.#wait(lane)
    }
  }

  #resume(lane: Lane<Job>, later: Promise<void>): void {
    void later.then(() => {
      if (this.#closed) return
      this.#wait(lane)
      this.#fill()
    })
  }
}

/** A place, which runs one job at a time. */
interface Place<Job> {
  lane: Lane<Job> | undefined
  /** `yielded`: the job continues without being counted. `replaced`: another place counts instead. */
  state: 'kept' | 'yielded' | 'replaced'
  /** The key under which the job counts against the limit of the worker. */
  yieldedKey: { readonly key: string; readonly hash: number } | undefined
  readonly run: JobRunner<Job>
}

interface Lane<Job> {
  readonly key: string
  readonly hash: number
  /** The running job, or the next one to run. */
  job: Job
  waiting: Queue<Job> | undefined
  group: FairGroup<Lane<Job>> | undefined
  next: Lane<Job> | undefined
}

const NO_GROUP = { key: NO_KEY, hash: hashOf(NO_KEY) }
