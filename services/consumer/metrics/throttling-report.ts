import type { Clock } from '../clock.ts'
import type { Counters } from './counters.ts'
import type { ConsumerEmitter } from './emitter.ts'

/** Milliseconds between two events. */
const INTERVAL_MS = 60_000

export interface ThrottlingSettings {
  clock: Pick<Clock, 'now'>
  counters: Counters
  events: ConsumerEmitter
}

/**
 * Counts the calls that Kinesis throttles, and emits at most one event a minute for all shards. Throttled calls are
 * normal while several applications poll a stream.
 */
export class ThrottlingReport {
  readonly #settings: ThrottlingSettings
  readonly #shardIds = new Set<string>()
  #calls = 0
  #emittedAt = Number.NEGATIVE_INFINITY

  constructor(settings: ThrottlingSettings) {
    this.#settings = settings
  }

  /** Counts a throttled call. Emits the event if the last one is a minute ago. */
  count(shardId: string): void {
    const { clock, counters, events } = this.#settings
    counters.readsThrottled++
    this.#calls++
    this.#shardIds.add(shardId)
    const now = clock.now()
    if (now - this.#emittedAt < INTERVAL_MS) return
    const event = { calls: this.#calls, shardIds: [...this.#shardIds] }
    this.#emittedAt = now
    this.#calls = 0
    this.#shardIds.clear()
    events.emit('readsThrottled', event)
  }
}
