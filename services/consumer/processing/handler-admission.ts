import type { RecordContext } from '../record.ts'
import type { Permit } from './breaker.ts'
import type { Call } from './call-limit.ts'
import { currentSignal, type ShardContext } from './shard-context.ts'

/**
 * Asks whether a handler may be called now. Returns the permit with which its outcome is reported, or undefined if no
 * handler may start any more. Waits only while the worker is paused or the breaker is not closed. Pass a permit that was
 * waited for to `confirmPermit`.
 *
 * @param closing fires when no further work may start, and ends a wait. The caller has checked that it has not fired
 *   yet
 * @param now the clock's time, if the caller has just read it. It is checked for every record, because a lease can
 *   expire while the event loop is blocked and no timer fires
 */
export function admit(
  shard: ShardContext,
  closing: AbortSignal,
  now?: number,
): Permit | undefined | Promise<Permit | undefined> {
  if (!shard.mayStart(now)) return undefined
  if (shard.pause.isPaused) return admitLater(shard, closing)
  return shard.breaker.permit ?? admitLater(shard, closing)
}

/** A pause may begin while a caller waits for the breaker, and the breaker may open during a pause. */
async function admitLater({ pause, breaker }: ShardContext, closing: AbortSignal): Promise<Permit | undefined> {
  while (!closing.aborted) {
    await pause.whenResumed(closing)
    const permit = breaker.permit ?? (await breaker.admit(closing))
    if (permit === undefined || !pause.isPaused) return permit
    breaker.settle(permit, 'other') // Another record is tried after the pause.
  }
  return undefined
}

/** Checks a permit after a wait: returns it if a handler may still be called at this moment. */
export function confirmPermit(shard: ShardContext, permit: Permit | undefined, now?: number): Permit | undefined {
  if (permit === undefined || shard.mayStart(now)) return permit
  shard.breaker.settle(permit, 'other') // A record of another shard may be tried instead.
  return undefined
}

/** Returns when the shard was taken from a worker that did not release it, while handlers see it. */
export function takenOverAt({ takeover, pause }: ShardContext): Date | undefined {
  return takeover && pause.activeNow() < takeover.until ? takeover.at : undefined
}

/** The context of a handler. A class, because an object literal with a getter would cost as much as a record. */
export class HandlerContext implements RecordContext {
  readonly shardId: string
  readonly fencingToken: number
  readonly attempt: number
  readonly #call: Call
  readonly #shard: ShardContext
  readonly #yieldPlace: (() => boolean) | undefined

  /** @param yieldPlace omitted for a batch, which cannot yield its place */
  constructor(shard: ShardContext, attempt: number, call: Call, yieldPlace?: () => boolean) {
    this.shardId = shard.shardId
    this.fencingToken = shard.fencingToken
    this.attempt = attempt
    this.#call = call
    this.#shard = shard
    this.#yieldPlace = yieldPlace
  }

  get takenOverAt(): Date | undefined {
    return takenOverAt(this.#shard)
  }

  get signal(): AbortSignal {
    return currentSignal(this.#shard, this.#call)
  }

  checkpoint(): Promise<void> {
    return this.#shard.checkpoint()
  }

  yieldPlace(): boolean {
    // The place of an ended call belongs to another record by now.
    return !this.#call.hasEnded && this.#yieldPlace?.() === true
  }
}
