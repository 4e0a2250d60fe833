import type { ConsumerError } from '../errors.ts'
import { type Decoder, decoded } from '../processing/decode.ts'
import { takenOverAt } from '../processing/handler-admission.ts'
import { currentSignal } from '../processing/shard-context.ts'
import type { ConsumerRecord, RawRecord } from '../record.ts'
import type { RecordQueue, Taken } from './record-queue.ts'

/** What a program can do with a record of `consumer.records()`. */
export interface RecordControl {
  /**
   * Fires when the lease of the shard is lost, or when the drain timeout of a stop is over. Read it from the record
   * again before each attempt of your own: reading it checks the clock. A signal that was read before fires late if the
   * event loop is blocked or the process is suspended.
   */
  readonly signal: AbortSignal
  /** Grows with every change of the owner of the shard, see `RecordContext.fencingToken`. */
  readonly fencingToken: number
  /** Time at which this worker took the shard over, see `RecordContext.takenOverAt`. */
  readonly takenOverAt: Date | undefined
  /**
   * Marks the record as done. The checkpoint passes it once all earlier records of the shard are done, too. It is written
   * with the next renewal of the lease, or by `checkpoint`.
   *
   * @returns false if this worker no longer holds the shard. The record is then delivered again
   */
  commit(): boolean
  /**
   * Writes the progress of the shard to the lease table, see `RecordContext.checkpoint`.
   *
   * @throws LeaseLostError, or the error of DynamoDB
   */
  checkpoint(): Promise<void>
}

/**
 * A record of `consumer.records()`. Reading its `value` throws a DecodeError if the record could not be decoded.
 */
export type IteratedRecord<T = undefined> = ConsumerRecord<T> & RecordControl

export interface RecordIteratorSettings<T> {
  queue: RecordQueue
  decode: Decoder<T> | undefined
  start(): Promise<void>
  stop(): Promise<void>
  /** The error that stopped the consumer. */
  failure(): ConsumerError | undefined
}

/** Iterates over the records of a worker. Starts the consumer with the first record, and stops it at the end. */
export class RecordIterator<T> implements AsyncIterableIterator<IteratedRecord<T>> {
  readonly #settings: RecordIteratorSettings<T>
  #started: Promise<void> | undefined

  constructor(settings: RecordIteratorSettings<T>) {
    this.#settings = settings
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<IteratedRecord<T>, undefined>> {
    const { queue, decode, start, stop, failure } = this.#settings
    this.#started ??= start()
    await this.#started
    for (let taken = await queue.take(); taken; taken = await queue.take()) {
      const record = await recordOf(taken, decode)
      // While the record was decoded, the lease may have been lost, or a pause or a stop may have begun.
      if (!decode || (await queue.confirm(taken))) return { done: false, value: record }
    }
    // The consumer was stopped. Its last records may still be committed by work that runs beside the loop.
    await stop()
    const error = failure()
    if (error) throw error
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<IteratedRecord<T>, undefined>> {
    const { queue, stop } = this.#settings
    queue.leave()
    await stop()
    return { done: true, value: undefined }
  }
}

async function recordOf<T>({ job, queue }: Taken, decode: Decoder<T> | undefined): Promise<IteratedRecord<T>> {
  const { shard } = queue
  const control: RawRecord & RecordControl = {
    ...job.record,
    fencingToken: shard.fencingToken,
    get signal() {
      return currentSignal(shard, shard)
    },
    get takenOverAt() {
      return takenOverAt(shard)
    },
    commit: () => queue.commit(job),
    checkpoint: () => shard.checkpoint(),
  }
  if (!decode) return control as IteratedRecord<T>
  let value: () => T
  try {
    const known = await decoded(job.record, decode)
    value = () => known
  } catch (error) {
    // Thrown where the program reads the value, so that it can store the record elsewhere and commit it.
    value = () => {
      throw error
    }
  }
  return Object.defineProperty(control, 'value', { get: value, enumerable: true }) as IteratedRecord<T>
}
