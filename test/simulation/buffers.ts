import { type Checkpoint, compareCheckpoints, isSequence } from '../../services/consumer/checkpoint.ts'
import type { ConsumerRecord } from '../../services/consumer/record.ts'

/** Maximum bytes of records in memory. The minimum of the option. */
export const BUDGET_BYTES = 1024 ** 2

/**
 * Counts the bytes of records that a worker holds, from outside: records that were delivered to it and not yet handled.
 */
export class Buffers {
  readonly #byShard = new Map<string, Map<string, number>>()
  /** The last record of each shard that was delivered. Repeated records are dropped by the worker. */
  readonly #last = new Map<string, Checkpoint>()

  readonly #lastReply = new Map<string, number>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /**
   * The bytes of the last reply of each other shard: it may have arrived when there was room for its first record only.
   */
  repliesBut(shardId: string): number {
    let sum = 0
    for (const [other, bytes] of this.#lastReply) if (other !== shardId) sum += bytes
    return sum
  }

  /** Returns true if there is no room to fetch another reply of the shard. */
  isFull(shardId: string): boolean {
    return this.#bytes >= BUDGET_BYTES + this.repliesBut(shardId)
  }

  /** @param done the checkpoint with which the worker took the shard; it drops records up to it */
  received(shardId: string, records: readonly ConsumerRecord[], done: Checkpoint | undefined): void {
    const shard = this.#byShard.get(shardId)
    if (!shard) return
    this.#lastReply.set(shardId, bytesOf(records))
    const last = this.#last.get(shardId) ?? done
    for (const record of records) {
      if (last && isSequence(last) && compareCheckpoints(record, last) <= 0) continue
      this.#last.set(shardId, record)
      shard.set(nameOf(record), record.data.byteLength)
      this.#bytes += record.data.byteLength
    }
  }

  handled(record: ConsumerRecord): void {
    const shard = this.#byShard.get(record.shardId)
    this.#bytes -= shard?.get(nameOf(record)) ?? 0
    shard?.delete(nameOf(record))
  }

  opened(shardId: string): void {
    this.closed(shardId)
    this.#byShard.set(shardId, new Map())
  }

  /** The worker has dropped the shard and all of its records. */
  closed(shardId: string): void {
    for (const size of this.#byShard.get(shardId)?.values() ?? []) this.#bytes -= size
    this.#byShard.delete(shardId)
    this.#lastReply.delete(shardId)
    this.#last.delete(shardId)
  }
}

const bytesOf = (records: readonly ConsumerRecord[]) => records.reduce((sum, { data }) => sum + data.byteLength, 0)

const nameOf = ({ sequenceNumber, subSequenceNumber }: ConsumerRecord) => `${sequenceNumber}/${subSequenceNumber}`
