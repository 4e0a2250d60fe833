import { type FairGroup, FairQueue } from './fair-queue.ts'
import type { JobRunner, LaneOutcome, RunnerFactory } from './job-runner.ts'
import { KeyTable } from './key-table.ts'
import { hashOf } from './lane-of.ts'
import { Queue } from './queue.ts'
import type { YieldLimit } from './yield-limit.ts'

export interface LanesSettings<Job> {
  /** Jobs that have a place at a time. */
  concurrency: number
  createRunner: RunnerFactory<Job>
  /** The worker's: its shards share it. */
  yields: YieldLimit
  /** Left out: jobs wait first come, first served. */
  fairness?: Fairness<Job> | undefined
}

export interface Fairness<Job> {
  /** Must not throw. */
  keyOf(job: Job): string
  /** Jobs of one fairness key that may have a place at a time. */
  maxRunningPerKey: number
}

/**
 * Runs jobs in parallel lanes: one at a time and in order within a key, keys beside each other, `concurrency` at once. A job
 * that asks to be tried later gives its place to another key meanwhile, and its own key waits for it. So does a job that gives
 * its place back while it goes on.
 */
export class Lanes<Job> {
  readonly #settings: LanesSettings<Job>
  readonly #concurrency: number
  /** Places that are free, of those that jobs have run in so far. */
  readonly #freePlaces: Place<Job>[] = []
  /** Those with a job: a key without one has no lane. With fairness a job that waits has a lane too. */
  readonly #lanes = new KeyTable<Lane<Job>>()
  /** Lanes whose first job could start now. */
  readonly #ready = new Queue<Lane<Job>>()
  /**
   * Jobs that are in no lane yet, each with its key, and come behind those that are. A lane is made when there is a place for
   * its job, so that there are few of them however many jobs wait.
   */
  readonly #jobs = new Queue<Job>()
  readonly #keys = new Queue<string>()
  /** In place of the three queues above, where jobs wait by fairness key. */
  readonly #fair: FairQueue<Lane<Job>> | undefined
  /** Places whose job goes on without being counted. */
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
    if (this.#running + this.#yielded.size === 0) return
    this.#idle ??= Promise.withResolvers<void>()
    await this.#idle.promise
  }

  /** No job is waited for any longer: those without a place count no more against the worker's limit. */
  abandon(): void {
    this.#closed = true
    this.#isAbandoned = true
    for (const place of this.#yielded) this.#uncount(place)
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
    const created: Lane<Job> = { key, hash, job, waiting: undefined, group: undefined, next: undefined }
    if (this.#fair) this.#group(created)
    this.#lanes.add(created)
    return created
  }

  /** A lane belongs to the fairness key of its first job: a lane's jobs may have several. */
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

  /** One job after the other in a place, for as long as there is one that can start and each ends at once. */
  #work(place: Place<Job>, first: Lane<Job> | undefined): void {
    for (let lane = first; lane; lane = this.#next()) {
      place.lane = lane
      const outcome = place.run(lane.job)
      if (outcome === undefined) return
      // Mostly there is nothing to count.
      if (place.state === 'kept' && lane.group === undefined) this.#leave(lane, outcome)
      else this.#finish(place, outcome)
    }
    this.#freePlace(place)
    this.#running--
    this.#resolveIfIdle()
  }

  /** A job has come to an end that did not end at once. */
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

  /** A place that nothing runs in. After many jobs went on without their places there are more of them than will be needed. */
  #freePlace(place: Place<Job>): void {
    place.lane = undefined
    if (this.#freePlaces.length < this.#concurrency) this.#freePlaces.push(place)
  }

  #resolveIfIdle(): void {
    if (this.#running + this.#yielded.size === 0) this.#idle?.resolve()
  }

  /**
   * The job in the place goes on without it. Another one starts in a moment and not here: handlers that do so before they return would
   * call each other ever deeper.
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
      this.#lanes.delete(lane)
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

/** What runs one job at a time. */
interface Place<Job> {
  lane: Lane<Job> | undefined
  /** `yielded`: the job goes on without being counted. `replaced`: another place counts in its stead. */
  state: 'kept' | 'yielded' | 'replaced'
  /** What the job counts under at the worker's limit. */
  yieldedKey: { readonly key: string; readonly hash: number } | undefined
  readonly run: JobRunner<Job>
}

interface Lane<Job> {
  readonly key: string
  readonly hash: number
  /** The one that runs, or that is the first to. */
  job: Job
  waiting: Queue<Job> | undefined
  group: FairGroup<Lane<Job>> | undefined
  next: Lane<Job> | undefined
}

const NO_GROUP = { key: '', hash: hashOf('') }
