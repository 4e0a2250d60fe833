import type { PauseGate } from '../pausing/pause-gate.ts'
import type { Job } from '../processing/job.ts'
import { Queue } from '../processing/queue.ts'
import type { ShardContext } from '../processing/shard-context.ts'

/** A record that the iterator has taken, and the queue of its shard. */
export interface Taken {
  readonly job: Job
  readonly queue: ShardQueue
}

/**
 * The records that wait for the iterator of a worker. The shards take turns. The byte budget bounds the records that
 * wait and those that were taken and are not committed.
 */
export class RecordQueue {
  readonly #pause: Pick<PauseGate, 'isPaused'>
  /** Shards that have a record. */
  readonly #ready = new Queue<ShardQueue>()
  readonly #open = new Set<ShardQueue>()
  #changed = Promise.withResolvers<void>()
  #isEnded = false
  #isLeft = false

  constructor(pause: Pick<PauseGate, 'isPaused'>) {
    this.#pause = pause
  }

  /** Creates the queue of one shard. @param settle called with each record that is committed */
  open(shard: ShardContext, settle: (job: Job) => void): ShardQueue {
    const queue = new ShardQueue(shard, settle, () => {
      this.#ready.push(queue)
      this.wake()
    })
    this.#open.add(queue)
    shard.signal.addEventListener('abort', () => this.#abandon(queue), { once: true })
    if (this.#isLeft) queue.abandon()
    return queue
  }

  /** Resolves to the next record, or to undefined after the end. Waits while there is none or the worker is paused. */
  async take(): Promise<Taken | undefined> {
    while (!this.#isEnded) {
      const taken = this.#pause.isPaused ? undefined : this.#shift()
      if (taken) return taken
      await this.#changed.promise
    }
    return undefined
  }

  /**
   * Returns true if a record that was taken may still be given to the program. Waits while the worker is paused. A record
   * that may not is dropped: nobody waits for its commit, and it is delivered again later.
   */
  async confirm({ job, queue }: Taken): Promise<boolean> {
    while (this.#pause.isPaused && !this.#isEnded) await this.#changed.promise
    if (!this.#pause.isPaused && !this.#isLeft && queue.shard.mayStart()) return true
    queue.drop(job)
    return false
  }

  /** Looks again whether a record can be taken. */
  wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /** No record is taken any more. Records that were taken can still be committed. */
  end(): void {
    this.#isEnded = true
    this.wake()
  }

  /** The program has left its loop: nobody waits any more for records that were taken. */
  leave(): void {
    this.#isLeft = true
    this.end()
    for (const queue of this.#open) this.#abandon(queue)
  }

  #abandon(queue: ShardQueue): void {
    this.#open.delete(queue)
    queue.abandon()
  }

  #shift(): Taken | undefined {
    for (let queue = this.#ready.shift(); queue; queue = this.#ready.shift()) {
      const job = queue.shift()
      if (queue.hasNext) this.#ready.push(queue)
      if (job) return { job, queue }
    }
    return undefined
  }
}

/** The records of one shard that wait for the iterator, or that it has taken. */
export class ShardQueue {
  readonly shard: ShardContext
  readonly #settle: (job: Job) => void
  readonly #onReady: () => void
  readonly #waiting = new Queue<Job>()
  /** Records that were taken and are not committed. */
  readonly #taken = new Set<Job>()
  #isReady = false
  #isClosed = false
  #idle: PromiseWithResolvers<void> | undefined

  constructor(shard: ShardContext, settle: (job: Job) => void, onReady: () => void) {
    this.shard = shard
    this.#settle = settle
    this.#onReady = onReady
  }

  get hasNext(): boolean {
    return this.#isReady
  }

  add(_key: unknown, job: Job): void {
    if (this.#isClosed) return
    this.#waiting.push(job)
    if (this.#isReady) return
    this.#isReady = true
    this.#onReady()
  }

  /** Takes the next record, in the order of the shard. Returns undefined if none may start any more. */
  shift(): Job | undefined {
    const job = this.#isClosed || !this.shard.mayStart() ? undefined : this.#waiting.shift()
    this.#isReady = job !== undefined && !this.#waiting.isEmpty
    if (!job) return undefined
    job.tries++
    this.#taken.add(job)
    return job
  }

  /** Marks a record as done. Returns false if this worker no longer holds the shard. */
  commit(job: Job): boolean {
    if (job.settled) return true
    if (!this.shard.mayStart()) return false
    this.#settle(job)
    this.drop(job)
    return true
  }

  /** Waits no longer for the commit of a record that was taken. */
  drop(job: Job): void {
    this.#taken.delete(job)
    if (this.#taken.size === 0) this.#idle?.resolve()
  }

  /** Gives out no further record. Resolves when every record that was taken is committed. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#taken.size === 0) return
    this.#idle ??= Promise.withResolvers<void>()
    await this.#idle.promise
  }

  /** Nobody waits any more for the records that were taken. */
  abandon(): void {
    this.#isClosed = true
    this.#taken.clear()
    this.#idle?.resolve()
  }
}
