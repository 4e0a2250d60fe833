import type { ShardPosition, SubscriptionEvent } from '../../services/consumer/stream.ts'
import type { VirtualTime } from './clock.ts'
import { childrenOf, type KinesisModel, type ModelShard } from './kinesis-model.ts'
import { serviceError } from './network.ts'

/** Time for which another call for the shard is rejected. After it, a call takes the subscription over. */
const TAKEOVER_MS = 5_000
const CALL_INTERVAL_MS = 1_000

export interface SubscriptionSettings {
  kinesis: KinesisModel
  time: VirtualTime
  /** Lifetime of a subscription, and the interval of its empty events, in milliseconds. */
  lifeMs: number
  wordMs: number
}

/** An event of a subscription, its end, or an error. */
export type Pushed = SubscriptionEvent | 'end' | Error

/** SubscribeToShard for one consumer of the stream, as a healthy Kinesis answers it. */
export class Subscriptions {
  readonly #settings: SubscriptionSettings
  readonly #standing = new Map<string, Feed>()
  readonly #calledAt = new Map<string, number>()

  constructor(settings: SubscriptionSettings) {
    this.#settings = settings
  }

  open(shardId: string, position: ShardPosition): Feed {
    const { kinesis, time } = this.#settings
    const { shard, index } = kinesis.place(shardId, position)
    const calledAt = this.#calledAt.get(shardId) ?? Number.NEGATIVE_INFINITY
    if (time.now - calledAt < CALL_INTERVAL_MS)
      throw serviceError('LimitExceededException', 'More than a call a second.')
    this.#calledAt.set(shardId, time.now)
    const standing = this.#standing.get(shardId)
    if (standing?.isOpen && time.now - standing.openedAt < TAKEOVER_MS) throw inUse()
    standing?.end(inUse())
    const feed = new Feed(this.#settings, shard, index)
    this.#standing.set(shardId, feed)
    return feed
  }

  /** Another program subscribes with the same consumer, and takes existing subscriptions over. */
  intrude(shard: ModelShard): void {
    this.#standing.get(shard.shardId)?.end(inUse())
    this.#standing.set(shard.shardId, new Feed(this.#settings, shard, shard.records.length))
  }
}

/** One subscription: returns the records since the last request. */
export class Feed {
  readonly openedAt: number
  readonly #settings: SubscriptionSettings
  readonly #shard: ModelShard
  readonly #endsAt: number
  #index: number
  /** When the next event is due, with or without records. */
  #wordAt: number
  #end: 'end' | Error | undefined
  #changed: (() => void) | undefined

  constructor(settings: SubscriptionSettings, shard: ModelShard, index: number) {
    const { time, lifeMs } = settings
    this.#settings = settings
    this.#shard = shard
    this.#index = index
    this.openedAt = time.now
    this.#wordAt = time.now + settings.wordMs
    this.#endsAt = time.now + lifeMs
  }

  get isOpen(): boolean {
    return this.#end === undefined && this.#settings.time.now < this.#endsAt
  }

  end(how: 'end' | Error): void {
    this.#end ??= how
    this.#changed?.()
  }

  /** Returns the next event; undefined if there is none yet. */
  take(limit: number): Pushed | undefined {
    const { kinesis, time, wordMs } = this.#settings
    if (this.#end) return this.#end
    if (time.now >= this.#endsAt) return 'end'
    if (this.#shard.goneAt !== undefined) return serviceError('ResourceNotFoundException', 'The shard is gone.')
    const { records, next, isEnd, millisBehindLatest } = kinesis.page(this.#shard, this.#index, limit)
    if (records.length === 0 && !isEnd && time.now < this.#wordAt) return undefined
    this.#index = next
    this.#wordAt = time.now + wordMs
    if (isEnd) this.#end = 'end'
    const continuation = this.#shard.records[next - 1]?.record.sequenceNumber ?? this.#shard.start
    const childShards = isEnd ? childrenOf(this.#shard) : []
    return { records, continuation: isEnd ? undefined : continuation, millisBehindLatest, childShards }
  }

  /** Calls `listener` once, as soon as an event may be available. */
  onceReady(listener: () => void): void {
    const { kinesis, time } = this.#settings
    const ready = () => {
      this.#changed = undefined
      timer.cancelled = true
      unlisten()
      listener()
    }
    this.#changed = ready
    const timer = time.at(Math.min(this.#endsAt, this.#wordAt), ready)
    const unlisten = kinesis.onceChanged(this.#shard, ready)
  }
}

const inUse = () => serviceError('ResourceInUseException', 'Another subscription of the consumer is active.')
