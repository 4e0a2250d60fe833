import type { Logger } from '../../platform/log.ts'
import { notificationOf } from '../../uploads/notifications/message.ts'
import type { OwedNotification, PendingDelivery } from '../../uploads/notifications/owed.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import { NOTIFICATION_DEAD_LETTER_VERSION, type NotificationDeadLetters } from './dead-letters.ts'
import type { Attempt, NotificationCounts } from './receiver.ts'
import { afterFailure, RETRY_FOR_MS } from './retry-schedule.ts'

export interface AfterAttemptDeps {
  deadLetters: Pick<NotificationDeadLetters, 'write'>
  counts: Pick<NotificationCounts, 'deadLettered'>
  log: Pick<Logger, 'warn'>
  now: () => number
  random: () => number
}

/** A notification and one of its destinations. */
export interface Delivery {
  record: UploadRecord
  notification: OwedNotification
  destination: string
}

/** Returns what is owed to the destination after an attempt. Undefined if nothing is: it was delivered, or it is a dead letter now. */
export type AfterAttempt = (delivery: Delivery, attempt: Attempt) => Promise<PendingDelivery | undefined>

/** When to try again if a dead letter could not be stored, in milliseconds. */
const DEAD_LETTER_RETRY_MS = 60_000

export function createAfterAttempt(deps: AfterAttemptDeps): AfterAttempt {
  const { now, random } = deps
  return async (delivery, attempt) => {
    const { notification, destination } = delivery
    const pending = notification.pending.get(destination) ?? { attempts: 0, nextAt: 0 }
    if (attempt.result === 'delivered') return undefined
    if (attempt.result === 'cut off') return pending
    const { failure, message, retryAfterMs } =
      attempt.result === 'failed' ? attempt : { ...HELD_BACK, retryAfterMs: attempt.forMs }
    const attempts = pending.attempts + 1
    const isGone = failure === 'gone'
    const next = isGone
      ? undefined
      : afterFailure({ pending, owedAt: notification.at, now: now(), retryAfterMs, failure, random })
    if (next) return next
    const reason = isGone ? message : `It was not delivered within ${RETRY_FOR_MS / 3_600_000} hours. ${message}`
    return giveUp(deps, delivery, { code: failure, reason, attempts })
  }
}

const HELD_BACK = {
  failure: 'held-back',
  message: 'The destination accepted none of the notifications before this one.',
}

/**
 * Stores a notification as a dead letter. Returns what is owed to the destination then: nothing, or the same as before if S3 did not
 * store the dead letter.
 */
export async function giveUp(
  { deadLetters, counts, log, now }: Omit<AfterAttemptDeps, 'random'>,
  { record, notification, destination }: Delivery,
  { code, reason, attempts }: { code: string; reason: string; attempts: number },
): Promise<PendingDelivery | undefined> {
  const fields = { destination, notificationId: notification.id, uploadId: record.uploadId }
  try {
    const deadLetter = await deadLetters.write({
      version: NOTIFICATION_DEAD_LETTER_VERSION,
      destination,
      notification: notificationOf(record, notification),
      sequenceNumber: notification.sequenceNumber,
      error: { code, reason },
      dueAt: notification.pending.get(destination)?.nextAt ?? 0,
      attempts,
      givenUpAt: new Date(now()).toISOString(),
    })
    counts.deadLettered(destination)
    log.warn({ ...fields, failure: code, reason, deadLetter }, 'notification dead-lettered')
    return undefined
  } catch (err) {
    log.warn({ err, ...fields }, 'the dead letter of a notification could not be stored')
    return { attempts, nextAt: now() + DEAD_LETTER_RETRY_MS, lastFailure: code }
  }
}
