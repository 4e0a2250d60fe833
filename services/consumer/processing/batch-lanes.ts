import { anySignal } from '../any-signal.ts'
import type { Clock } from '../clock.ts'
import { type BatchLimits, BatchQueue } from './batch-queue.ts'
import type { Job } from './job.ts'
import { laneOf, NO_KEY } from './lane-of.ts'

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
 * concurrent batches have no key in common, and the records of a key stay in order even if a batch fails. Records
 * without a key belong to no lane: the next free lane takes them, so they never wait for a lane whose batch is retried.
 */
export class BatchLanes {
  readonly #lanes: BatchLane[]
  /** Jobs without a key. Unused if there is only one lane, whose batches then keep the order of the shard. */
  readonly #keyless: BatchQueue<Job>
  readonly #idle = new Set<BatchLane>()
  readonly #clock: Clock
  readonly #ended: Promise<unknown>

  constructor(settings: BatchLanesSettings) {
    this.#clock = settings.clock
    const createQueue = () => new BatchQueue<Job>(settings.limits, job => job.record.data.byteLength)
    const keyless = createQueue()
    this.#keyless = keyless
    this.#lanes = Array.from({ length: settings.lanes }, () => {
      const onBusy = () => {
        // This lane no longer waits for the records without a key, so another lane has to.
        if (keyless.length > 0) this.#wakeIdleLane()
      }
      return new BatchLane({ ...settings, own: createQueue(), keyless, idle: this.#idle, onBusy })
    })
    this.#ended = Promise.all(this.#lanes.map(lane => lane.run()))
  }

  /** @param key the partition key, or `NO_KEY` */
  add(key: string, job: Job): void {
    if (key !== NO_KEY || this.#lanes.length === 1) {
      this.#lanes[laneOf(key, this.#lanes.length)]?.add(job)
      return
    }
    this.#keyless.push(job, this.#clock.now())
    if (this.#keyless.length === 1 || this.#lanes[0]?.isDue(this.#keyless)) this.#wakeIdleLane()
  }

  /** No further records will be added, so no batch waits to fill. */
  flush(): void {
    for (const lane of this.#lanes) lane.flush()
  }

  /** Resolves when the running batches have ended. Call it after `closing` has fired. */
  async close(): Promise<void> {
    await this.#ended
  }

  #wakeIdleLane(): void {
    const [lane] = this.#idle
    lane?.wakeUp()
  }
}

interface BatchLaneSettings extends BatchLanesSettings {
  /** Jobs whose keys belong to this lane. */
  own: BatchQueue<Job>
  /** Jobs that any lane may take. */
  keyless: BatchQueue<Job>
  /** The lanes that wait for a batch. */
  idle: Set<BatchLane>
  /** Called before the lane runs a batch. */
  onBusy(): void
}

class BatchLane {
  readonly #settings: BatchLaneSettings
  #flushed = false
  /** Ends the wait for the next batch. */
  #wake = new AbortController()

  constructor(settings: BatchLaneSettings) {
    this.#settings = settings
  }

  add(job: Job): void {
    const { own, clock, idle } = this.#settings
    own.push(job, clock.now())
    // Another record matters only if it is the first one or fills the batch.
    if (idle.has(this) && (own.length === 1 || this.isDue(own))) this.wakeUp()
  }

  flush(): void {
    this.#flushed = true
    this.wakeUp()
  }

  async run(): Promise<void> {
    const { closing, run, onBusy } = this.#settings
    while (!closing.aborted) {
      const batch = this.#dueQueue()?.take()
      if (batch) {
        onBusy()
        await run(batch)
      } else await this.#wait()
    }
  }

  /** Returns true if a batch of the queue should start now. */
  isDue(queue: BatchQueue<Job>): boolean {
    const { clock, hasRoom } = this.#settings
    const dueIn = queue.dueIn(clock.now())
    return dueIn !== undefined && (dueIn <= 0 || this.#flushed || !hasRoom())
  }

  /** Returns the queue to take the next batch from: if both are due, the one whose first record has waited longer. */
  #dueQueue(): BatchQueue<Job> | undefined {
    const { own, keyless } = this.#settings
    if (!this.isDue(keyless)) return this.isDue(own) ? own : undefined
    const isOwnFirst = this.isDue(own) && Number(own.oldestAt) <= Number(keyless.oldestAt)
    return isOwnFirst ? own : keyless
  }

  /** Waits until the oldest record has waited long enough; without a record, until one is added. */
  async #wait(): Promise<void> {
    const { clock, closing, own, keyless, idle } = this.#settings
    this.#wake = new AbortController()
    idle.add(this)
    const woken = anySignal([closing, this.#wake.signal])
    const now = clock.now()
    const dueIn = Math.min(own.dueIn(now) ?? Number.POSITIVE_INFINITY, keyless.dueIn(now) ?? Number.POSITIVE_INFINITY)
    await (Number.isFinite(dueIn) ? clock.sleep(dueIn, woken.signal) : aborted(woken.signal))
    woken.release()
    idle.delete(this)
  }

  wakeUp(): void {
    this.#settings.idle.delete(this)
    this.#wake.abort()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
