import type { Logger } from '../../platform/log.ts'
import { notificationOf } from '../../uploads/notifications/message.ts'
import type { ClaimedUpload, NotificationStore } from '../../uploads/notifications/notification-store.ts'
import { dueTime, type OwedNotification, type PendingDelivery } from '../../uploads/notifications/owed.ts'
import { type AfterAttemptDeps, createAfterAttempt, giveUp } from './after-attempt.ts'
import { Lane } from './lane.ts'
import { type Attempt, type Receiver, SEND_TIMEOUT_MS } from './receiver.ts'

export interface SendOwedSettings extends AfterAttemptDeps {
  receivers: readonly Receiver[]
  store: Pick<NotificationStore, 'settle'>
  log: Pick<Logger, 'warn'>
  /** Maximum number of notifications that the relay sends to a destination at a time. */
  concurrency?: number
}

/**
 * Sends what a claimed upload owes and what is due of it, and records the results. A destination gets its notifications in order.
 * Destinations do not wait for each other.
 *
 * @throws errors of the table
 */
export type SendOwed = (claimed: ClaimedUpload, signal: AbortSignal) => Promise<void>

/** How long a relay has an upload, in milliseconds. */
export const CLAIM_MS = 60_000

/** The part of a claim in which an attempt may start. It must have ended, and its result be recorded, before the claim does. */
const START_WITHIN_MS = CLAIM_MS - SEND_TIMEOUT_MS - 10_000

export function createSendOwed(settings: SendOwedSettings): SendOwed {
  const { receivers, store, now, random, concurrency = 16 } = settings
  const byName = new Map(
    receivers.map(receiver => [
      receiver.name,
      { receiver, lane: new Lane({ concurrency, maxWaiting: Number.POSITIVE_INFINITY }) },
    ]),
  )
  const afterAttempt = createAfterAttempt(settings)

  /**
   * Sends the notifications for one destination, until one of them stays owed.
   *
   * @param set receives what is still owed of each notification
   */
  async function sendTo(
    destination: string,
    { claimed, until, signal }: { claimed: ClaimedUpload; until: number; signal: AbortSignal },
    set: (notification: OwedNotification, state: PendingDelivery | undefined) => void,
  ): Promise<void> {
    const { record } = claimed
    for (const notification of claimed.owed) {
      const pending = notification.pending.get(destination)
      if (!pending) continue
      if (pending.nextAt > now()) return
      const known = byName.get(destination)
      const delivery = { record, notification, destination }
      let state: PendingDelivery | undefined
      if (known) {
        const { lane, receiver } = known
        const attempt = await lane.run(async (): Promise<Attempt> => {
          if (performance.now() > until) return { result: 'cut off' }
          return receiver.send(notificationOf(record, notification), signal)
        })
        state = await afterAttempt(delivery, attempt ?? { result: 'cut off' })
      } else {
        const reason = 'The destination is not in the configuration any more.'
        state = await giveUp(settings, delivery, { code: 'not-configured', reason, attempts: pending.attempts })
      }
      set(notification, state)
      if (state) return
    }
  }

  return async (claimed, signal) => {
    const until = performance.now() + START_WITHIN_MS
    const { owed } = claimed
    const left = new Map(owed.map(({ id, pending }) => [id, new Map(pending)]))
    const destinations = new Set(owed.flatMap(({ pending }) => [...pending.keys()]))
    await Promise.all(
      [...destinations].map(destination =>
        sendTo(destination, { claimed, until, signal }, ({ id }, state) => {
          if (state) left.get(id)?.set(destination, state)
          else left.get(id)?.delete(destination)
        }),
      ),
    )
    const after = owed.flatMap(notification => {
      const pending = left.get(notification.id) ?? new Map()
      return pending.size > 0 ? [{ ...notification, pending }] : []
    })
    const nextAt = after.length > 0 ? dueTime(Math.max(nextDue(after), now() + MIN_WAIT_MS), random) : 0
    await store.settle(claimed, { before: owed, after, nextAt })
  }
}

/** Until an attempt that was cut off is made again, in milliseconds. */
const MIN_WAIT_MS = 1_000

/** Returns when the first attempt is due: each destination waits for its first notification. */
function nextDue(owed: readonly OwedNotification[]): number {
  const first = new Map<string, number>()
  for (const { pending } of owed) {
    for (const [name, { nextAt }] of pending) if (!first.has(name)) first.set(name, nextAt)
  }
  return Math.min(...first.values())
}
