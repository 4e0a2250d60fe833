import { anySignal } from '../any-signal.ts'
import type { Clock } from '../clock.ts'
import { type BatchLimits, BatchQueue } from './batch-queue.ts'
import type { Job } from './job.ts'
import { laneOf } from './lane-of.ts'

export interface BatchLanesSettings {
  /** Maximum number of batches in flight. */
  lanes: number
  limits: BatchLimits
  clock: Clock
  /** Fires when no further batch may start. */
  closing: AbortSignal
  /** Returns whether more records can be fetched. Without room for more, a batch does not wait to fill. */
  hasRoom(): boolean
  /** Runs one batch. Must not reject. */
  run(batch: readonly Job[]): Promise<void>
}

/**
 * Forms batches in lanes. A partition key always belongs to the same lane, and a lane has one batch in flight. So
 * concurrent batches have no key in common, and the records of a key stay in order even if a batch fails.
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

  /** No further records will be added, so no batch waits to fill. */
  flush(): void {
    for (const lane of this.#lanes) lane.flush()
  }

  /** Resolves when the running batches have ended. Call it after `closing` has fired. */
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
    // Another record matters only if it is the first one or fills the batch.
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

  /** Waits until the oldest record has waited long enough; without a record, until one is added. */
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
