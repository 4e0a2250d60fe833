import { anySignal } from '../any-signal.ts'
import { type BackoffSettings, backoffMs } from '../processing/backoff.ts'
import type { ChildShard } from '../shards/shard.ts'
import { classifyReadError, type ReadFault, type RecordsReply, type SubscriptionEvent } from '../stream.ts'
import { type FetchSettings, fetchShard } from './fetch-shard.ts'
import { positionAfter, startPosition } from './position.ts'
import { childrenInReply, listChildren } from './shard-end.ts'
import { Subscription } from './subscription.ts'

/**
 * Kinesis allows one SubscribeToShard a second per shard and consumer, and counts when calls arrive. A call that is faster
 * on its way than the one before it would arrive too early.
 */
const CALL_INTERVAL_MS = 1_100

/**
 * Milliseconds for which a subscription may stay unread without room in the budget. It is then closed, and opened again
 * when there is room.
 */
const MAX_UNREAD_MS = 10_000

/** Interval in milliseconds at which an idle shard is checked for being closed. */
const CLOSED_CHECK_MS = 30_000

/**
 * Reads a shard by enhanced fan-out, in order, only while the budget has room and the worker is not paused. Yields the
 * same as `fetchShard`. A
 * subscription that ends, fails or becomes silent is opened again after the last known position.
 *
 * The end of a shard counts only if Kinesis names the children. If it does not, or if a shard that is listed as closed
 * delivers nothing more, the rest is polled, because only GetRecords is reliable there.
 *
 * @returns the children of the shard once its last record was yielded, or undefined if the signal fired first
 */
export async function* fetchByFanOut(settings: FetchSettings): AsyncGenerator<RecordsReply, ChildShard[] | undefined> {
  const { shardId, stream, clock, random, pause, signal, onFault } = settings
  let position = startPosition(settings)
  let failures = 0

  while (!signal.aborted) {
    await untilFetchable(settings)
    const open = anySignal([signal, pause.signal]) // A pause closes the subscription at once.
    const subscription = new Subscription({ shardId, stream, position, clock, signal: open.signal })
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
        if (isLast)
          throw new Error(`Kinesis reported the end of '${shardId}', but the shard is not closed. Reading continues.`)
      }
      if (subscription.count === 0 && subscription.calledAt !== undefined && !open.signal.aborted)
        waitMs = backoffMs(AFTER_FAULT, ++failures, random)
    } catch (error) {
      if (signal.aborted) return undefined
      if (!open.signal.aborted) {
        onFault('SubscribeToShard', error)
        // The shard or its checkpoint may have been trimmed, or the consumer may no longer be registered. Polling
        // handles all of these.
        if (CANNOT_SUBSCRIBE.has(classifyReadError(error))) return yield* fetchShard(settings, position)
        waitMs = backoffMs(backoffAfter(error, subscription), ++failures, random)
      }
    } finally {
      subscription.close()
      open.release()
    }
    const { calledAt = Number.NEGATIVE_INFINITY } = subscription
    await clock.sleep(Math.max(calledAt + CALL_INTERVAL_MS - clock.now(), waitMs), signal)
  }
  return undefined
}

const CANNOT_SUBSCRIBE: ReadonlySet<ReadFault> = new Set(['not found', 'invalid position'])

const AFTER_FAULT: BackoffSettings = { firstMs: 1_000, maxMs: 10_000 }

/** After a call for the same shard within 5 seconds: the earlier subscription stays. */
const WHILE_IN_USE: BackoffSettings = { firstMs: 2_000, maxMs: 10_000 }

/**
 * After another call took the subscription over. Taking it back at once would start a fight; the lease will soon show
 * who owns the shard.
 */
const AFTER_TAKEOVER: BackoffSettings = { firstMs: 10_000, maxMs: 30_000 }

function backoffAfter(error: unknown, { count }: Subscription): BackoffSettings {
  if (classifyReadError(error) !== 'in use') return AFTER_FAULT
  return count > 0 ? AFTER_TAKEOVER : WHILE_IN_USE
}

/** Returns true if an event says that every record has been read. */
function isCaughtUp({ records, millisBehindLatest }: SubscriptionEvent): boolean {
  return records.length === 0 && millisBehindLatest === 0
}

function toReply({ continuation, ...reply }: SubscriptionEvent): RecordsReply {
  return { ...reply, nextIterator: continuation }
}

/**
 * Waits for room in the budget, for at most `MAX_UNREAD_MS`. Resolves to true if there is room and the worker is not
 * paused.
 */
async function waitForRoom({ budget, clock, pause, signal }: FetchSettings): Promise<boolean> {
  if (!budget.hasRoom()) {
    const either = anySignal([signal, pause.signal])
    await Promise.race([budget.room(either.signal), clock.sleep(MAX_UNREAD_MS, either.signal)])
    either.release()
  }
  return !signal.aborted && !pause.isPaused && budget.hasRoom()
}

/** Waits until a subscription may be opened: the worker is not paused, and the budget has room. Or until the signal fires. */
async function untilFetchable({ budget, pause, signal }: FetchSettings): Promise<void> {
  do {
    await pause.whenResumed(signal)
    await budget.room(signal)
  } while (pause.isPaused && !signal.aborted)
}
