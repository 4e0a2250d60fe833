import { Type } from 'typebox'
import { workerConfigSchema } from '../../../platform/config/worker.ts'
import type { NotificationType } from '../../../uploads/notifications/notification.ts'
import { createNotificationStore, type NotificationStore } from '../../../uploads/notifications/notification-store.ts'
import {
  type ArchivedNotification,
  createNotificationDeadLetters,
  type NotificationDeadLetters,
} from '../../../worker/notifications/dead-letters.ts'
import type { withAws } from '../../aws.ts'
import type { CommandOption } from '../../command.ts'
import { UsageError } from '../../errors.ts'

/** The variables that the commands for notifications read. */
export const notificationsConfig = Type.Pick(workerConfigSchema, ['AWS_REGION', 'PROCESSED_BUCKET', 'UPLOADS_TABLE'])

export const destinationOption = {
  type: 'string',
  value: 'NAME',
  description: 'only for this destination',
} as const satisfies CommandOption

/** A notification that one destination has not got: it is owed, or it was given up. */
export interface Undelivered {
  id: string
  destination: string
  state: 'owed' | 'given up'
  type: NotificationType
  owner: string
  uploadId: string
  /** ISO 8601: when the upload got its status. */
  timestamp: string
  /** Failed attempts. */
  attempts: number
  /** ISO 8601: when the next attempt is due. Missing before the first attempt, and if the notification was given up. */
  nextAttempt?: string
  /** Why the last attempt failed. */
  lastFailure?: string
  /** The key of its dead letter, if it was given up. */
  key?: string
}

export interface Archives {
  store: NotificationStore
  deadLetters: NotificationDeadLetters
}

export function archivesOf(
  { s3, dynamodb }: Pick<Parameters<Parameters<typeof withAws>[1]>[0], 's3' | 'dynamodb'>,
  config: { PROCESSED_BUCKET: string; UPLOADS_TABLE: string },
): Archives {
  return {
    store: createNotificationStore({ dynamodb, table: config.UPLOADS_TABLE }),
    deadLetters: createNotificationDeadLetters({ s3, bucket: config.PROCESSED_BUCKET }),
  }
}

/** Yields what is owed, by upload. */
export async function* owedNotifications({ store }: Archives): AsyncGenerator<Undelivered> {
  for await (const { owner, uploadId } of store.allOwing()) {
    const found = await store.read({ owner, uploadId })
    // Delivered or deleted since it was listed.
    if (!found) continue
    for (const { id, type, at, pending } of found.owed) {
      for (const [destination, { attempts, nextAt, lastFailure }] of pending) {
        yield {
          ...{ id, destination, state: 'owed', type, owner, uploadId, attempts },
          timestamp: new Date(at).toISOString(),
          ...(nextAt > 0 && { nextAttempt: new Date(nextAt).toISOString() }),
          ...(lastFailure !== undefined && { lastFailure }),
        }
      }
    }
  }
}

/** Yields the dead letters of notifications, by destination and time. */
export async function* deadNotifications(
  { deadLetters }: Archives,
  destination: string | undefined,
): AsyncGenerator<ArchivedNotification> {
  for await (const key of deadLetters.keys(destination)) {
    const found = await deadLetters.get(key)
    if (found) yield found
  }
}

/** Returns the row of a dead letter. Undefined for an object that this version cannot read. */
export function rowOf({ key, letter }: ArchivedNotification): Undelivered | undefined {
  if (!letter) return undefined
  const { destination, notification, attempts, error } = letter
  const { id, type, timestamp, data } = notification
  const { owner, uploadId } = data
  return {
    id,
    destination,
    state: 'given up',
    type,
    owner,
    uploadId,
    timestamp,
    attempts,
    lastFailure: error.code,
    key,
  }
}

/** @throws UsageError unless each text is an id of a notification */
export function checkIds(ids: readonly string[]): void {
  for (const id of ids) {
    if (/^msg_[\w-]+$/.test(id)) continue
    throw new UsageError(
      `'${id}' is not the id of a notification. Ids look like msg_Zk3…. See headgate notifications list.`,
    )
  }
}
