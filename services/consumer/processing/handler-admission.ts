import type { RecordContext } from '../record.ts'
import type { Permit } from './breaker.ts'
import type { Call } from './call-limit.ts'
import type { ShardContext } from './shard-context.ts'

/**
 * Whether a handler may be called now: the permit to tell its outcome by, or undefined where none may any more. Waits only
 * while the breaker is not closed, and what was waited for is to be `confirmed`.
 *
 * @param closing fires when no more work is to start, and ends a wait; that it has not fired yet is for the caller to know
 * @param now the clock's time, where it has just been asked: for every record anew, as a lease can run out while the event
 *   loop stands still, before any timer tells
 */
export function admit(
  shard: ShardContext,
  closing: AbortSignal,
  now?: number,
): Permit | undefined | Promise<Permit | undefined> {
  if (!shard.mayStart(now)) return undefined
  return shard.breaker.permit ?? shard.breaker.admit(closing)
}

/** A permit that was waited for, where it still counts in the very moment in which the handler is called. */
export function confirmPermit(shard: ShardContext, permit: Permit | undefined, now?: number): Permit | undefined {
  if (permit === undefined || shard.mayStart(now)) return permit
  shard.breaker.settle(permit, 'other') // Another shard's record may try instead.
  return undefined
}

/** What a handler gets beside its records. A class, because an object with a getter of its own costs as much as a record. */
export class HandlerContext implements RecordContext {
  readonly shardId: string
  readonly fencingToken: number
  readonly attempt: number
  readonly #call: Call
  readonly #shard: ShardContext
  readonly #yieldPlace: (() => boolean) | undefined

  /** @param yieldPlace left out for a batch, which keeps its place */
  constructor(shard: ShardContext, attempt: number, call: Call, yieldPlace?: () => boolean) {
    this.shardId = shard.shardId
    this.fencingToken = shard.fencingToken
    this.attempt = attempt
    this.#call = call
    this.#shard = shard
    this.#yieldPlace = yieldPlace
  }

  get takenOverAt(): Date | undefined {
    const { takeover, clock } = this.#shard
    return takeover && clock.now() < takeover.until ? takeover.at : undefined
  }

  get signal(): AbortSignal {
    return this.#call.signal
  }

  yieldPlace(): boolean {
    // The place of a call that has ended is another record's by now.
    return !this.#call.hasEnded && this.#yieldPlace?.() === true
  }
}
