import type { ConsumerRecord } from '../../services/consumer/record.ts'
import type { Shard } from '../../services/consumer/shards/shard.ts'
import type { RecordsReply, ShardPosition } from '../../services/consumer/stream.ts'
import { serviceError } from './network.ts'
import { RecordMaker, type StoredRecord, type UserRecord } from './record-maker.ts'

export const HASH_SPACE = 2n ** 128n
/** Sequence numbers gain a digit early in every run, which exposes comparisons as strings. */
const FIRST_SEQUENCE = 10n ** 55n - 60n
const CALLS_PER_SECOND = 5
/** A page of a shard. */
export interface Page {
  readonly records: readonly ConsumerRecord[]
  /** The position after the page. */
  readonly next: number
  readonly isEnd: boolean
  readonly millisBehindLatest: number
}

export interface ModelShard {
  readonly shardId: string
  readonly parents: readonly ModelShard[]
  readonly from: bigint
  /** Included. */
  readonly to: bigint
  readonly records: StoredRecord[]
  readonly createdAt: number
  /** The first sequence number of the shard. Greater than any of its parents. */
  readonly start: string
  closedAt: number | undefined
  children: ModelShard[]
  /** Records before this index are trimmed. */
  trimmed: number
  /** When the shard was trimmed. */
  goneAt: number | undefined
  readonly calls: number[]
}

export interface KinesisSettings {
  /** Lifetime of an iterator in milliseconds. */
  iteratorLifeMs: number
  maxReplyBytes: number
  now: () => number
  /** Epoch milliseconds of the clock of Kinesis. */
  wallClock: () => number
}

/** A model of a stream: its shards and records, and the answers of a healthy Kinesis. */
export class KinesisModel {
  readonly shards: ModelShard[] = []
  readonly #settings: KinesisSettings
  readonly #maker = new RecordMaker()
  readonly #parts = new Map<string, readonly ConsumerRecord[]>()
  readonly #listeners = new Map<ModelShard, Set<() => void>>()
  #sequence = FIRST_SEQUENCE

  constructor(settings: KinesisSettings, shards: number) {
    this.#settings = settings
    const size = HASH_SPACE / BigInt(shards)
    for (let index = 0; index < shards; index++) {
      const from = size * BigInt(index)
      this.#addShard([], from, index === shards - 1 ? HASH_SPACE - 1n : from + size - 1n)
    }
  }

  open(): ModelShard[] {
    return this.shards.filter(shard => shard.closedAt === undefined)
  }

  shardOf(hash: bigint): ModelShard {
    const shard = this.open().find(({ from, to }) => from <= hash && hash <= to)
    if (!shard) throw new Error('The open shards of the model do not cover the hash space.')
    return shard
  }

  /**
   * Puts one record, or an aggregate of several. Returns the records that handlers must receive: for an aggregate with
   * a wrong digest, the whole as a plain record.
   */
  put(shard: ModelShard, records: readonly UserRecord[], size: number, isSpoiled: boolean): readonly ConsumerRecord[] {
    const sequenceNumber = this.#nextSequence()
    const place = { sequenceNumber, shardId: shard.shardId, arrivedAt: new Date(this.#settings.wallClock()) }
    const stored = this.#maker.make(place, records, size, isSpoiled)
    shard.records.push(stored)
    this.#parts.set(sequenceNumber, stored.parts)
    this.#changed(shard)
    return stored.parts
  }

  /** Returns the records that handlers must receive for a record. */
  partsOf({ sequenceNumber }: ConsumerRecord): readonly ConsumerRecord[] {
    return this.#parts.get(sequenceNumber) ?? []
  }

  /** Calls `listener` once, when anything happens to the shard. */
  onceChanged(shard: ModelShard, listener: () => void): () => void {
    const listeners = this.#listeners.get(shard) ?? new Set()
    this.#listeners.set(shard, listeners)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  split(shard: ModelShard): void {
    const middle = (shard.from + shard.to) / 2n
    if (shard.closedAt !== undefined || middle === shard.from) return
    this.#close([shard], [this.#addShard([shard], shard.from, middle), this.#addShard([shard], middle + 1n, shard.to)])
  }

  /** Merges the shard with the next one, if there is one. */
  merge(shard: ModelShard): void {
    const next = this.open().find(({ from }) => from === shard.to + 1n)
    if (shard.closedAt !== undefined || !next) return
    this.#close([shard, next], [this.#addShard([shard, next], shard.from, next.to)])
  }

  /** Trims the oldest records, or a closed shard without records. Returns what was trimmed. */
  trim(shard: ModelShard, records: number): ConsumerRecord[] {
    const upTo = Math.min(shard.records.length, shard.trimmed + records)
    const trimmed = shard.records.slice(shard.trimmed, upTo)
    shard.trimmed = upTo
    const isOld = shard.parents.every(({ goneAt }) => goneAt !== undefined)
    if (shard.closedAt !== undefined && upTo === shard.records.length && isOld) shard.goneAt ??= this.#settings.now()
    this.#changed(shard)
    return trimmed.flatMap(({ parts }) => parts)
  }

  /**
   * ListShards in two pages. The first is from an earlier time than the second, which continues after the last shard of
   * the first. So a listing that has a shard also has its ancestors, unless they are trimmed.
   */
  list(pages: { first: number; second: number; size: number }): Shard[] {
    const visible = (time: number, index: number) =>
      this.#listed(time).filter(shard => this.shards.indexOf(shard) > index)
    const first = visible(pages.first, -1).slice(0, pages.size)
    const end = this.shards.findLastIndex(shard => first.includes(shard))
    const closed = (shard: ModelShard, time: number) => shard.closedAt !== undefined && shard.closedAt <= time
    return [
      ...first.map(shard => ({ ...describe(shard), closed: closed(shard, pages.first) })),
      ...visible(pages.second, end).map(shard => ({ ...describe(shard), closed: closed(shard, pages.second) })),
    ]
  }

  #listed(time: number): ModelShard[] {
    return this.shards.filter(({ createdAt, goneAt }) => createdAt <= time && !(goneAt !== undefined && goneAt <= time))
  }

  getIterator(shardId: string, position: ShardPosition): string {
    const shard = this.#find(shardId)
    return this.#iterator(shard, this.#indexOf(shard, position))
  }

  getRecords(shardId: string, iterator: string, limit: number): RecordsReply {
    const shard = this.#find(shardId)
    this.#countCall(shard)
    const [of, place, expiresAt] = iterator.split(' ')
    if (of !== shardId) throw serviceError('InvalidArgumentException', `The iterator is one of ${of}.`)
    if (this.#settings.now() > Number(expiresAt))
      throw serviceError('ExpiredIteratorException', 'The iterator expired.')
    const { records, next, isEnd, millisBehindLatest } = this.page(shard, Number(place), limit)
    return {
      ...{ records, millisBehindLatest, childShards: isEnd ? childrenOf(shard) : [] },
      nextIterator: isEnd ? undefined : this.#iterator(shard, next),
    }
  }

  /**
   * Returns the index of a position in the shard.
   *
   * @throws the error of Kinesis if there is no such shard or position
   */
  place(shardId: string, position: ShardPosition): { shard: ModelShard; index: number } {
    const shard = this.#find(shardId)
    return { shard, index: this.#indexOf(shard, position) }
  }

  /** Returns the records from an index on, as many as fit into one reply. */
  page(shard: ModelShard, from: number, limit: number): Page {
    const first = Math.max(from, shard.trimmed)
    const last = this.#endOfPage(shard, first, limit)
    const next = shard.records[last]
    return {
      records: shard.records.slice(first, last).map(({ record }) => record),
      next: last,
      isEnd: shard.closedAt !== undefined && last === shard.records.length,
      millisBehindLatest: next ? Math.max(1, this.#settings.wallClock() - next.record.arrivedAt.getTime()) : 0,
    }
  }

  /** Returns how many records fit, by number and by size, and at least one. */
  #endOfPage(shard: ModelShard, first: number, limit: number): number {
    let bytes = 0
    let last = first
    for (; last < shard.records.length && last - first < limit; last++) {
      bytes += shard.records[last]?.record.data.byteLength ?? 0
      if (bytes > this.#settings.maxReplyBytes && last > first) break
    }
    return last
  }

  #indexOf(shard: ModelShard, position: ShardPosition): number {
    switch (position.type) {
      case 'TRIM_HORIZON':
        return shard.trimmed
      case 'LATEST':
        return shard.records.length
      case 'AT_TIMESTAMP':
        if (position.at.getTime() > this.#settings.wallClock()) {
          throw serviceError('InvalidArgumentException', 'The timestamp is in the future.')
        }
        return firstIndex(shard.records, ({ record }) => record.arrivedAt >= position.at)
      case 'AT_SEQUENCE_NUMBER':
        return firstIndex(
          shard.records,
          ({ record }) => BigInt(record.sequenceNumber) >= BigInt(position.sequenceNumber),
        )
      case 'AFTER_SEQUENCE_NUMBER':
        return firstIndex(
          shard.records,
          ({ record }) => BigInt(record.sequenceNumber) > BigInt(position.sequenceNumber),
        )
    }
  }

  #iterator({ shardId }: ModelShard, index: number): string {
    return `${shardId} ${index} ${this.#settings.now() + this.#settings.iteratorLifeMs}`
  }

  #find(shardId: string): ModelShard {
    const shard = this.shards.find(each => each.shardId === shardId)
    if (!shard || shard.goneAt !== undefined)
      throw serviceError('ResourceNotFoundException', `There is no shard ${shardId}.`)
    return shard
  }

  #countCall(shard: ModelShard): void {
    const now = this.#settings.now()
    while ((shard.calls[0] ?? now) < now - 1_000) shard.calls.shift()
    if (shard.calls.length >= CALLS_PER_SECOND) {
      throw serviceError('ProvisionedThroughputExceededException', 'More than 5 calls a second.')
    }
    shard.calls.push(now)
  }

  #changed(shard: ModelShard): void {
    const listeners = [...(this.#listeners.get(shard) ?? [])]
    this.#listeners.delete(shard)
    for (const listener of listeners) listener()
  }

  #nextSequence(): string {
    this.#sequence += 7n
    return String(this.#sequence)
  }

  #addShard(parents: readonly ModelShard[], from: bigint, to: bigint): ModelShard {
    const shardId = `shard-${this.shards.length}`
    const state = { closedAt: undefined, children: [], trimmed: 0, goneAt: undefined, calls: [], records: [] }
    const shard = { shardId, parents, from, to, createdAt: this.#settings.now(), start: this.#nextSequence(), ...state }
    this.shards.push(shard)
    return shard
  }

  #close(shards: readonly ModelShard[], children: ModelShard[]): void {
    for (const shard of shards) {
      shard.closedAt = this.#settings.now()
      shard.children = children
      this.#changed(shard)
    }
  }
}

/** Converts children as the last reply of a shard names them. */
export function childrenOf({ children }: ModelShard) {
  return children.map(describe)
}

function describe({ shardId, parents, from, to, start }: ModelShard) {
  return {
    shardId,
    parentShardIds: parents.map(parent => parent.shardId),
    startingHashKey: String(from),
    endingHashKey: String(to),
    startingSequenceNumber: start,
  }
}

function firstIndex<T>(items: readonly T[], matches: (item: T) => boolean): number {
  const index = items.findIndex(matches)
  return index === -1 ? items.length : index
}
