import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { S3Client } from '@aws-sdk/client-s3'
import type { Logger } from '../../platform/log.ts'
import { createNotificationStore } from '../../uploads/notifications/notification-store.ts'
import { notifyPartitionName } from '../../uploads/notifications/owed.ts'
import { createAfterAttempt } from './after-attempt.ts'
import { createNotificationDeadLetters } from './dead-letters.ts'
import type { Destination } from './destination.ts'
import { Notifier } from './notifier.ts'
import { createReceiver, type NotificationCounts } from './receiver.ts'
import { createNotificationRelay, type NotificationRelay } from './relay.ts'
import { createSendOwed } from './send-owed.ts'

/** The notifications of a process: new ones, and those that are due. */
export interface Notifications {
  notifier: Notifier
  /** Creates a relay. All relays of a process share its breakers. */
  createRelay(): NotificationRelay
  /** Reads the index of owed notifications. Rejects if the table has none, and when the signal fires. */
  checkIndex(signal: AbortSignal): Promise<void>
  /** By the name of the destination: true while nothing is sent to it, because it accepts none or asked for a wait. */
  heldBack(): ReadonlyMap<string, boolean>
  /** Closes the connections of the destinations. */
  close(): void
}

export interface NotificationsSettings {
  destinations: readonly Destination[]
  s3: S3Client
  dynamodb: DynamoDBClient
  table: string
  /** The bucket for dead letters. */
  bucket: string
  counts: NotificationCounts
  log: Pick<Logger, 'info' | 'warn' | 'error'>
}

/** Returns undefined if there are no destinations: then nothing is owed, and no request is made. */
export function openNotifications(settings: NotificationsSettings): Notifications | undefined {
  const { destinations, s3, dynamodb, table, bucket, counts, log } = settings
  if (destinations.length === 0) return undefined
  const store = createNotificationStore({ dynamodb, table })
  const receivers = destinations.map(destination => createReceiver({ destination, counts, log }))
  const deadLetters = createNotificationDeadLetters({ s3, bucket })
  const deps = { deadLetters, counts, log, now: Date.now, random: Math.random }
  const sendOwed = createSendOwed({ ...deps, receivers, store })
  return {
    notifier: new Notifier({ receivers, store, afterAttempt: createAfterAttempt(deps), log }),
    createRelay: () => createNotificationRelay({ store, sendOwed, log }),
    async checkIndex(signal) {
      await store.listOwing({ partition: notifyPartitionName(0), dueBefore: 0, limit: 1 }, signal)
    },
    heldBack: () => new Map(receivers.map(receiver => [receiver.name, receiver.isHeldBack()])),
    close() {
      for (const destination of destinations) destination.close()
    },
  }
}
