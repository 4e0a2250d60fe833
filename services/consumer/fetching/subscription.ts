import { anySignal } from '../any-signal.ts'
import type { Clock } from '../clock.ts'
import { StreamReplyError } from '../errors.ts'
import type { ShardPosition, StreamReader, SubscriptionEvent } from '../stream.ts'

/**
 * Kinesis sends an event every few seconds, even without records. A connection that is silent for this long is half
 * open.
 */
export const SILENCE_MS = 40_000

export interface SubscriptionSettings {
  shardId: string
  stream: StreamReader
  position: ShardPosition
  clock: Clock
  /** Ends the subscription. */
  signal: AbortSignal
}

/** One subscription to a shard, from its call to its end. */
export class Subscription {
  readonly #settings: SubscriptionSettings
  readonly #events: AsyncIterator<SubscriptionEvent>
  readonly #closed = new AbortController()
  readonly #close = () => this.#closed.abort()
  #count = 0
  #calledAt: number | undefined

  constructor(settings: SubscriptionSettings) {
    this.#settings = settings
    const { stream, shardId, position, signal } = settings
    if (!stream.subscribe) throw new TypeError('This stream does not support subscriptions.')
    signal.addEventListener('abort', this.#close, { once: true })
    if (signal.aborted) this.#close()
    this.#events = stream.subscribe(shardId, position, this.#closed.signal)[Symbol.asyncIterator]()
  }

  /** Monotonic time of the call to Kinesis; undefined before the first event was requested. */
  get calledAt(): number | undefined {
    return this.#calledAt
  }

  /** Number of events received so far. */
  get count(): number {
    return this.#count
  }

  /**
   * Returns the next event, or undefined at the end.
   *
   * @throws StreamReplyError if no event arrives in time, or the error with which the subscription ended
   */
  async next(): Promise<SubscriptionEvent | undefined> {
    const { shardId, clock } = this.#settings
    this.#calledAt ??= clock.now()
    const over = anySignal([this.#closed.signal])
    const silence = clock.sleep(SILENCE_MS, over.signal)
    const coming = this.#events.next()
    // It rejects when the subscription is closed and possibly nobody waits for it. A waiting caller sees the rejection
    // below.
    coming.catch(() => undefined)
    try {
      const result = await Promise.race([coming, silence])
      if (this.#closed.signal.aborted) return undefined
      if (!result) throw new StreamReplyError(`The subscription to '${shardId}' was silent for ${SILENCE_MS} ms.`)
      if (result.done) return undefined
      this.#count++
      return result.value
    } finally {
      over.release()
    }
  }

  /** Closes the connection at once. */
  close(): void {
    this.#settings.signal.removeEventListener('abort', this.#close)
    this.#close()
  }
}
