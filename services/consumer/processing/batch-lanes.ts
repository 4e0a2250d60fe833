import { anySignal } from '../any-signal.ts'
import type { Clock } from '../clock.ts'
import { type BatchLimits, BatchQueue } from './batch-queue.ts'
import type { Job } from './job.ts'
import { laneOf } from './lane-of.ts'

export interface BatchLanesSettings {
  /** Batches that may be under way at once. */
  lanes: number
  limits: BatchLimits
  clock: Clock
  /** Fires when no more batches are to start. */
  closing: AbortSignal
  /** Whether more records can come: without room for them a batch is not waited for. */
  hasRoom(): boolean
  /** Does one batch; must not reject. */
  run(batch: readonly Job[]): Promise<void>
}

/**
 * Makes batches in lanes: a partition key always falls to the same lane, and a lane has one batch under way at a time. So
 * batches side by side have no key in common, and a key's records stay in order, whatever becomes of a batch.
 */
export class BatchLanes {
  readonly #lanes: BatchLane[]
  readonly #ended: Promise<unknown>

  constructor(settings: BatchLanesSettings) {
    this.#lanes = Array.from({ length: settings.lanes }, () => new BatchLane(settings))
    this.#ended = Promise.all(this.#lanes.map(lane => lane.run()))
  }

  add(key: string, job: Job): void {
    this.#lanes[laneOf(key, this.#lanes.length)]?.add(job)
  }

  /** Nothing more will be added: what waits for its batch to fill waits no longer. */
  flush(): void {
    for (const lane of this.#lanes) lane.flush()
  }

  /** Resolves when the batches that run have come to an end, once `closing` has fired. */
  async close(): Promise<void> {
    await this.#ended
  }
}

class BatchLane {
  readonly #settings: BatchLanesSettings
  readonly #queue: BatchQueue<Job>
  #flushed = false
  /** Ends the wait for the next batch. */
  #wake = new AbortController()
  #isWaiting = false

  constructor(settings: BatchLanesSettings) {
    this.#settings = settings
    this.#queue = new BatchQueue(settings.limits, job => job.record.data.byteLength)
  }

  add(job: Job): void {
    this.#queue.push(job, this.#settings.clock.now())
    // A record alone changes nothing unless it is the first or fills the batch.
    if (this.#isWaiting && (this.#queue.length === 1 || this.#isDue())) this.#wakeUp()
  }

  flush(): void {
    this.#flushed = true
    this.#wakeUp()
  }

  async run(): Promise<void> {
    const { closing, run } = this.#settings
    while (!closing.aborted) {
      if (this.#isDue()) await run(this.#queue.take())
      else await this.#wait()
    }
  }

  #isDue(): boolean {
    const { clock, hasRoom } = this.#settings
    const dueIn = this.#queue.dueIn(clock.now())
    return dueIn !== undefined && (dueIn <= 0 || this.#flushed || !hasRoom())
  }

  /** Until the oldest record has waited long enough; without one, until one comes. */
  async #wait(): Promise<void> {
    const { clock, closing } = this.#settings
    this.#wake = new AbortController()
    this.#isWaiting = true
    const woken = anySignal([closing, this.#wake.signal])
    const dueIn = this.#queue.dueIn(clock.now())
    await (dueIn === undefined ? aborted(woken.signal) : clock.sleep(dueIn, woken.signal))
    woken.release()
    this.#isWaiting = false
  }

  #wakeUp(): void {
    this.#isWaiting = false
    this.#wake.abort()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
