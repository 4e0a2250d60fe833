import { classifyReadError, type StreamReader } from '../../consumer/stream.ts'
import type { ArrivalView } from '../snapshot.ts'

/** How far back a sample starts, in milliseconds. */
const WINDOW_MS = 5_000
/** The bytes that a sample should read. All readers of a shard share 2 MiB a second. */
const TARGET_BYTES = 64 * 1024
const FIRST_LIMIT = 10
const MAX_LIMIT = 1_000

/** Measures how much arrives on the shards, by reading a few of the newest records. The wall clock is in epoch milliseconds. */
export class ArrivalSampler {
  readonly #stream: StreamReader
  readonly #wallClock: () => number
  /** The average size of a record of each shard. It decides how many records the next sample reads. */
  readonly #recordBytes = new Map<string, number>()

  constructor(stream: StreamReader, wallClock: () => number) {
    this.#stream = stream
    this.#wallClock = wallClock
  }

  /** @returns undefined if the reply shows nothing, because Kinesis was still looking for the position */
  async sample(shardId: string, signal: AbortSignal): Promise<ArrivalView | undefined> {
    const from = this.#wallClock() - WINDOW_MS
    const iterator = await this.#iterator(shardId, new Date(from))
    if (iterator === undefined) return undefined
    const limit = this.#limit(shardId)
    const { records, millisBehindLatest } = await this.#stream.getRecords(shardId, iterator, limit, { signal })
    const measuredAt = this.#wallClock()
    const [first] = records
    if (!first) {
      return millisBehindLatest === 0 ? { recordsPerSecond: 0, bytesPerSecond: 0, measuredAt } : undefined
    }
    const bytes = records.reduce(
      (sum, { data, partitionKey }) => sum + data.byteLength + (partitionKey?.length ?? 0),
      0,
    )
    this.#recordBytes.set(shardId, bytes / records.length)
    // A full reply covers only the time of its own records.
    const last = records.at(-1)?.arrivedAt.getTime() ?? from
    const isWhole = millisBehindLatest === 0 && records.length < limit
    const seconds = (isWhole ? WINDOW_MS : Math.max(1, last - first.arrivedAt.getTime())) / 1_000
    return { recordsPerSecond: records.length / seconds, bytesPerSecond: bytes / seconds, measuredAt }
  }

  #limit(shardId: string): number {
    const average = this.#recordBytes.get(shardId)
    if (average === undefined) return FIRST_LIMIT
    return Math.min(MAX_LIMIT, Math.max(2, Math.round(TARGET_BYTES / average)))
  }

  /** @returns undefined if the clock of this machine is ahead of the clock of Kinesis by more than the window */
  async #iterator(shardId: string, at: Date): Promise<string | undefined> {
    try {
      return await this.#stream.getIterator(shardId, { type: 'AT_TIMESTAMP', at })
    } catch (error) {
      if (classifyReadError(error) === 'invalid position') return undefined
      throw error
    }
  }
}
