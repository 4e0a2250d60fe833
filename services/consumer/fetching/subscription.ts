import { anySignal } from '../any-signal.ts'
import type { Clock } from '../clock.ts'
import { StreamReplyError } from '../errors.ts'
import type { ShardPosition, StreamReader, SubscriptionEvent } from '../stream.ts'

/** Kinesis says every few seconds that there is nothing new. One that says nothing for so long is half open. */
export const SILENCE_MS = 40_000

export interface SubscriptionSettings {
  shardId: string
  stream: StreamReader
  position: ShardPosition
  clock: Clock
  /** Ends the subscription. */
  signal: AbortSignal
}

/** One subscription to a shard, from its call to its end, however it ends. */
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
    if (!stream.subscribe) throw new TypeError('This stream cannot be subscribed to.')
    signal.addEventListener('abort', this.#close, { once: true })
    if (signal.aborted) this.#close()
    this.#events = stream.subscribe(shardId, position, this.#closed.signal)[Symbol.asyncIterator]()
  }

  /** Monotonic time at which Kinesis was called; undefined while nothing was asked for. */
  get calledAt(): number | undefined {
    return this.#calledAt
  }

  /** Events that came so far. */
  get count(): number {
    return this.#count
  }

  /**
   * The next event; undefined at the end.
   *
   * @throws StreamReplyError where none comes in time, or whatever the subscription ended with
   */
  async next(): Promise<SubscriptionEvent | undefined> {
    const { shardId, clock } = this.#settings
    this.#calledAt ??= clock.now()
    const over = anySignal([this.#closed.signal])
    const silence = clock.sleep(SILENCE_MS, over.signal)
    const coming = this.#events.next()
    // It rejects once the subscription is closed, when nobody may wait for it any more. Who does, hears of it below.
    coming.catch(() => undefined)
    try {
      const result = await Promise.race([coming, silence])
      if (this.#closed.signal.aborted) return undefined
      if (!result) throw new StreamReplyError(`'${shardId}' was silent for ${SILENCE_MS} ms.`)
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
