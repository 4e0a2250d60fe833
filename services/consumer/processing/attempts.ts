import type { RecordContext } from '../record.ts'
import type { Permit } from './breaker.ts'
import type { Call } from './call-limit.ts'
import type { ShardContext } from './shard-context.ts'

/**
 * Whether a handler may be called now: the permit to tell its outcome by, or undefined where none may any more. Waits only
 * while the breaker is not closed.
 *
 * @param closing fires when no more work is to start, and ends a wait; that it has not fired yet is for the caller to know
 * @param now the clock's time, where it has just been asked: for every record anew, as a lease can run out while the event
 *   loop stands still, before any timer tells
 */
export function admitted(
  shard: ShardContext,
  closing: AbortSignal,
  now?: number,
): Permit | undefined | Promise<Permit | undefined> {
  if (!shard.mayStart(now)) return undefined
  return shard.breaker.permit ?? admittedLater(shard, closing)
}

async function admittedLater(shard: ShardContext, closing: AbortSignal): Promise<Permit | undefined> {
  const permit = await shard.breaker.admit(closing)
  if (permit === undefined) return undefined
  if (shard.mayStart()) return permit
  shard.breaker.settle(permit, 'other') // Another shard's record may try instead.
  return undefined
}

/** What a handler gets beside its records. A class, because an object with a getter of its own costs as much as a record. */
export class HandlerContext implements RecordContext {
  readonly shardId: string
  readonly fencingToken: number
  readonly attempt: number
  readonly #call: Call

  constructor({ shardId, fencingToken }: ShardContext, attempt: number, call: Call) {
    this.shardId = shardId
    this.fencingToken = fencingToken
    this.attempt = attempt
    this.#call = call
  }

  get signal(): AbortSignal {
    return this.#call.signal
  }
}
