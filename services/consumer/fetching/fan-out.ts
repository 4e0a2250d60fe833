import { anySignal } from '../any-signal.ts'
import { type BackoffSettings, backoffMs } from '../processing/backoff.ts'
import type { ChildShard } from '../shards/shard.ts'
import { classifyReadError, type ReadFault, type RecordsReply, type SubscriptionEvent } from '../stream.ts'
import { type FetchSettings, fetchShard } from './fetch-shard.ts'
import { positionAfter, startPosition } from './position.ts'
import { childrenInReply, listChildren } from './shard-end.ts'
import { Subscription } from './subscription.ts'

/** Kinesis takes one SubscribeToShard a second, shard and consumer. */
const CALL_INTERVAL_MS = 1_000

/** How long a subscription may rest unread for want of room: then it is given up, and opened again when there is some. */
const MAX_UNREAD_MS = 10_000

/** How often a shard with nothing new is looked up for whether it is closed. */
const CLOSED_CHECK_MS = 30_000

/**
 * Reads a shard by enhanced fan-out, in order and no faster than the budget is freed: nothing is read from a subscription
 * while there is no room. Gives what `fetchShard` gives. A subscription that ends, fails or falls silent is opened again
 * behind the last place that is known.
 *
 * That a shard is at its end is believed where Kinesis names the children. Where it should and does not, or where nothing
 * comes any more of a shard that is listed as closed, the rest is polled: GetRecords knows for certain.
 *
 * @returns the shard's children once its last record has been given, or undefined where the signal came first
 */
export async function* fetchByFanOut(settings: FetchSettings): AsyncGenerator<RecordsReply, ChildShard[] | undefined> {
  const { shardId, stream, budget, clock, random, signal, onFault } = settings
  let position = startPosition(settings)
  let failures = 0

  while (!signal.aborted) {
    await budget.room(signal)
    const subscription = new Subscription({ shardId, stream, position, clock, signal })
    let checkClosedAt = clock.now()
    let waitMs = 0
    try {
      while (await waitForRoom(settings)) {
        const event = await subscription.next()
        if (!event) break
        failures = 0
        position = positionAfter(event, position, event.continuation)
        yield toReply(event)
        const isLast = event.continuation === undefined
        const children = isLast ? childrenInReply(shardId, event) : []
        if (children.length > 0) return children
        if (!isLast && (!isCaughtUp(event) || clock.now() < checkClosedAt)) continue
        checkClosedAt = clock.now() + CLOSED_CHECK_MS * (0.5 + random() / 2)
        if (await listChildren(shardId, stream)) {
          subscription.close()
          return yield* fetchShard(settings, position)
        }
        if (isLast) throw new Error(`'${shardId}' was said to be at its end but is not closed; it is read on.`)
      }
      if (subscription.count === 0 && subscription.calledAt !== undefined)
        waitMs = backoffMs(AFTER_FAULT, ++failures, random)
    } catch (error) {
      if (signal.aborted) return undefined
      onFault('SubscribeToShard', error)
      // The shard or its checkpoint may have been trimmed, or the consumer is not registered any more: polling copes with it.
      if (CANNOT_SUBSCRIBE.has(classifyReadError(error))) return yield* fetchShard(settings, position)
      waitMs = backoffMs(backoffAfter(error, subscription), ++failures, random)
    } finally {
      subscription.close()
    }
    const { calledAt = Number.NEGATIVE_INFINITY } = subscription
    await clock.sleep(Math.max(calledAt + CALL_INTERVAL_MS - clock.now(), waitMs), signal)
  }
  return undefined
}

const CANNOT_SUBSCRIBE: ReadonlySet<ReadFault> = new Set(['not found', 'invalid position'])

const AFTER_FAULT: BackoffSettings = { firstMs: 1_000, maxMs: 10_000 }

/** Within 5 seconds of another call for the shard: that one's subscription stands. */
const WHILE_IN_USE: BackoffSettings = { firstMs: 2_000, maxMs: 10_000 }

/** Another call has taken the subscription over. To take it back at once would be war: the lease tells soon whose it is. */
const AFTER_TAKEOVER: BackoffSettings = { firstMs: 10_000, maxMs: 30_000 }

function backoffAfter(error: unknown, { count }: Subscription): BackoffSettings {
  if (classifyReadError(error) !== 'in use') return AFTER_FAULT
  return count > 0 ? AFTER_TAKEOVER : WHILE_IN_USE
}

/** Whether an event says that everything has been read. */
function isCaughtUp({ records, millisBehindLatest }: SubscriptionEvent): boolean {
  return records.length === 0 && millisBehindLatest === 0
}

function toReply({ continuation, ...reply }: SubscriptionEvent): RecordsReply {
  return { ...reply, nextIterator: continuation }
}

/** Waits for room in the budget, but not for long. */
async function waitForRoom({ budget, clock, signal }: FetchSettings): Promise<boolean> {
  if (!budget.hasRoom()) {
    const either = anySignal([signal])
    await Promise.race([budget.room(either.signal), clock.sleep(MAX_UNREAD_MS, either.signal)])
    either.release()
  }
  return !signal.aborted && budget.hasRoom()
}
