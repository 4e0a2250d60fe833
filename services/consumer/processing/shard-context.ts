import type { Clock, Random } from '../clock.ts'
import type { ConsumerEmitter } from '../metrics/emitter.ts'
import type { CircuitBreaker } from './breaker.ts'

/** What the processing of one shard knows of its shard and worker, and reaches the world through. */
export interface ShardContext {
  readonly shardId: string
  readonly fencingToken: number
  /** Where the worker that had the shard before did not give it up: when it was taken, and until when, by `clock`, that is told. */
  readonly takeover?: { readonly at: Date; readonly until: number } | undefined
  readonly clock: Clock
  /** Epoch milliseconds. */
  readonly wallClock: () => number
  readonly random: Random
  /** The worker's: its shards share it. */
  readonly breaker: CircuitBreaker
  readonly events: ConsumerEmitter
  /**
   * Whether work may start: false once the lease is not this worker's any more, or `signal` has fired. Asked for every record:
   * the signal itself takes longer to ask.
   *
   * @param now the clock's time, where it has just been asked
   */
  mayStart(now?: number): boolean
  /** Fires when handlers should give up. */
  readonly signal: AbortSignal
}
