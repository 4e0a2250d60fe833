import type { PendingDelivery } from '../../uploads/notifications/owed.ts'

/** Times between the failed attempts of a notification, in milliseconds. The last one repeats. */
const INTERVALS_MS = [5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000] as const

/** How long a notification is retried, in milliseconds. */
export const RETRY_FOR_MS = 24 * 3_600_000

export interface FailedDelivery {
  /** The state before the attempt. */
  pending: PendingDelivery
  /** When the notification was owed first, in epoch milliseconds. */
  owedAt: number
  /** Epoch milliseconds. */
  now: number
  /** How long the receiver asked to wait, in milliseconds. */
  retryAfterMs: number | undefined
  /** Why the attempt failed. */
  failure: string
  /** From 0 to under 1. */
  random: () => number
}

/** Returns the state after a failed attempt, or undefined if the notification is given up. */
export function afterFailure(delivery: FailedDelivery): PendingDelivery | undefined {
  const { pending, owedAt, now, retryAfterMs = 0, failure, random } = delivery
  if (now - owedAt >= RETRY_FOR_MS) return undefined
  const interval = INTERVALS_MS[Math.min(pending.attempts, INTERVALS_MS.length - 1)] ?? RETRY_FOR_MS
  // Notifications that failed together must not come back together.
  const waitMs = Math.max(retryAfterMs, interval * (0.8 + random() * 0.4))
  // The last attempt is made at the end, even if the interval would be longer.
  const nextAt = Math.min(now + waitMs, Math.max(owedAt + RETRY_FOR_MS, now + INTERVALS_MS[0]))
  return { attempts: pending.attempts + 1, nextAt: Math.round(nextAt), lastFailure: failure }
}
