import type { Clock, Random } from '../clock.ts'
import type { ConsumerEmitter } from '../metrics/emitter.ts'
import type { PauseGate } from '../pausing/pause-gate.ts'
import type { CircuitBreaker } from './breaker.ts'

/** What the processing of one shard needs from its shard and its worker. */
export interface ShardContext {
  readonly shardId: string
  readonly fencingToken: number
  /**
   * Set if the previous owner did not release the shard: the time of the takeover, and until when, by the active time
   * of `pause`, handlers see it.
   */
  readonly takeover?: { readonly at: Date; readonly until: number } | undefined
  readonly clock: Clock
  /** Epoch milliseconds. */
  readonly wallClock: () => number
  readonly random: Random
  /** Shared by the shards of the worker. No handler starts while the worker is paused. */
  readonly pause: PauseGate
  /** Shared by the shards of the worker. */
  readonly breaker: CircuitBreaker
  readonly events: ConsumerEmitter
  /**
   * Returns true if work may start: the lease is held and `signal` has not fired. Reads the clock, and fires `signal` if
   * the lease has expired: no timer fires while the event loop is blocked or the process is suspended. Called for every
   * record, because checking the signal takes longer.
   *
   * @param now the clock's time, if the caller has just read it
   */
  mayStart(now?: number): boolean
  /**
   * Writes the progress of the shard to the lease table. Rejects with a LeaseLostError or the error of DynamoDB.
   */
  checkpoint(): Promise<void>
  /** Fires when handlers should stop. */
  readonly signal: AbortSignal
}

/**
 * Returns a signal that a program reads from the shard or from a call of it. If the lease has expired, the signal has
 * fired, also directly after the event loop was blocked. A program that asks it before each attempt of its own therefore
 * starts none without the lease.
 */
export function currentSignal(shard: ShardContext, of: { readonly signal: AbortSignal }): AbortSignal {
  shard.mayStart()
  return of.signal
}
