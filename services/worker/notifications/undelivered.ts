import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { S3Client } from '@aws-sdk/client-s3'
import { notificationOf } from '../../uploads/notifications/message.ts'
import type { Notification, NotificationType } from '../../uploads/notifications/notification.ts'
import { createNotificationStore, type NotificationStore } from '../../uploads/notifications/notification-store.ts'
import { dueTime, type OwedNotification } from '../../uploads/notifications/owed.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import {
  type ArchivedNotification,
  createNotificationDeadLetters,
  type NotificationDeadLetters,
} from './dead-letters.ts'

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
  /** ISO 8601: when it was given up. */
  givenUpAt?: string
  /** The key of its dead letter, if it was given up. */
  key?: string
}

/** Where operators find what was not delivered: the records of uploads, and the bucket of the dead letters. */
export interface Archives {
  store: Pick<NotificationStore, 'allOwing' | 'read' | 'oweAgain'>
  deadLetters: Pick<NotificationDeadLetters, 'keys' | 'get' | 'remove'>
}

export function openArchives({
  s3,
  dynamodb,
  bucket,
  table,
}: {
  s3: S3Client
  dynamodb: DynamoDBClient
  /** The bucket of the dead letters. */
  bucket: string
  /** The table of the uploads. */
  table: string
}): Archives {
  return {
    store: createNotificationStore({ dynamodb, table }),
    deadLetters: createNotificationDeadLetters({ s3, bucket }),
  }
}

/** Yields what is owed, by upload. */
export async function* owedNotifications({ store }: Pick<Archives, 'store'>): AsyncGenerator<Undelivered> {
  for await (const key of store.allOwing()) {
    const found = await store.read(key)
    // Without a record, the notification was delivered or the upload was deleted since it was listed.
    if (found) yield* owedRows(key, found.owed)
  }
}

/** Returns a row for each destination of the notifications that an upload owes. */
export function owedRows({ owner, uploadId }: UploadKey, owed: readonly OwedNotification[]): Undelivered[] {
  return owed.flatMap(({ id, type, at, pending }) =>
    Array.from(
      pending,
      ([destination, { attempts, nextAt, lastFailure }]): Undelivered => ({
        ...{ id, destination, state: 'owed', type, owner, uploadId, attempts },
        timestamp: new Date(at).toISOString(),
        ...(nextAt > 0 && { nextAttempt: new Date(nextAt).toISOString() }),
        ...(lastFailure !== undefined && { lastFailure }),
      }),
    ),
  )
}

/** Reads the message of a notification that is owed. Undefined if the upload no longer owes it. */
export async function owedMessage(
  { store }: Pick<Archives, 'store'>,
  { id, owner, uploadId }: Pick<Undelivered, 'id' | 'owner' | 'uploadId'>,
): Promise<Notification | undefined> {
  const owing = await store.read({ owner, uploadId })
  const owed = owing?.owed.find(one => one.id === id)
  return owing && owed && notificationOf(owing.record, owed)
}

/** Yields the dead letters of notifications, by destination and time. */
export async function* deadNotifications(
  { deadLetters }: Pick<Archives, 'deadLetters'>,
  destination: string | undefined,
): AsyncGenerator<ArchivedNotification> {
  for await (const key of deadLetters.keys(destination)) {
    const found = await deadLetters.get(key)
    if (found) yield found
  }
}

/** Returns the row of a dead letter. Undefined for an object that this version cannot read. */
export function deadRow({ key, letter }: ArchivedNotification): Undelivered | undefined {
  if (!letter) return undefined
  const { destination, notification, attempts, error, givenUpAt } = letter
  const { id, type, timestamp, data } = notification
  const { owner, uploadId } = data
  return {
    ...{ id, destination, state: 'given up', type, owner, uploadId, timestamp, attempts, givenUpAt, key },
    lastFailure: error.code,
  }
}

export type ReplayOutcome = { outcome: 'owed again' | 'upload deleted' } | { outcome: 'failed'; error: string }

/**
 * Makes a notification that was given up owed again, and removes its dead letter. The dead letter goes last: if the process dies before,
 * it can be replayed again. Never rejects.
 */
export async function replayNotification(
  { key, letter }: ArchivedNotification,
  { store, deadLetters }: Archives,
): Promise<ReplayOutcome> {
  if (!letter) return { outcome: 'failed', error: 'this version cannot read it' }
  const { destination, notification, sequenceNumber } = letter
  const { id, type, timestamp, data } = notification
  try {
    const isOwed = await store.oweAgain(data, {
      ...{ id, type, sequenceNumber, at: Date.parse(timestamp), destinations: [destination] },
      dueAt: dueTime(Date.now()),
      ...(data.failure && { failure: data.failure }),
    })
    await deadLetters.remove(key)
    return { outcome: isOwed ? 'owed again' : 'upload deleted' }
  } catch (error) {
    return { outcome: 'failed', error: error instanceof Error ? error.message : String(error) }
  }
}
