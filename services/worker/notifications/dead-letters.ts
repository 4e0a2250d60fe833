import { DeleteObjectCommand, GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { keyPrefixes } from '../../platform/resources.ts'
import { listObjects } from '../../platform/s3/list-objects.ts'
import { type Notification, notificationTypes } from '../../uploads/notifications/notification.ts'

export const NOTIFICATION_DEAD_LETTER_VERSION = 1

const text = Type.String()

const letterSchema = Type.Object({
  version: Type.Literal(NOTIFICATION_DEAD_LETTER_VERSION),
  /** The name of the destination that did not get the notification. */
  destination: text,
  /** What the destination would have got. */
  notification: Type.Object({
    id: text,
    type: Type.Enum([...notificationTypes]),
    timestamp: text,
    data: Type.Object({ owner: text, uploadId: text }, { additionalProperties: true }),
  }),
  /** Of the record on the stream. A replay keeps the order of the notifications of an upload by it. */
  sequenceNumber: text,
  /** The last failure. */
  error: Type.Object({ code: text, reason: text }),
  /** When the last attempt was due, in epoch milliseconds. 0 if it was the first one. */
  dueAt: Type.Integer({ minimum: 0 }),
  /** Failed attempts. */
  attempts: Type.Integer({ minimum: 0 }),
  /** ISO 8601, UTC. */
  givenUpAt: text,
})

/** A notification that was given up for one destination. */
export type NotificationDeadLetter = Omit<Static<typeof letterSchema>, 'notification'> & { notification: Notification }

const isLetter = Compile(letterSchema)

/** A dead letter in the bucket. `letter` is undefined if this version cannot read it. */
export interface ArchivedNotification {
  key: string
  letter: NotificationDeadLetter | undefined
}

/** The dead letters of notifications, which are objects in the bucket for processed objects. */
export interface NotificationDeadLetters {
  /** Stores a dead letter. To store it again overwrites it. Resolves to its key. */
  write(letter: NotificationDeadLetter): Promise<string>
  /** Lists the keys of dead letters, by destination and time. */
  keys(destination?: string): AsyncGenerator<string>
  get(key: string): Promise<ArchivedNotification | undefined>
  /** Deletes a dead letter. To delete it again is no error. */
  remove(key: string): Promise<void>
}

const PREFIX = `${keyPrefixes.deadLetters}notifications/`

/** A stream may be called `notifications`. The keys of its dead letters have no time and no `msg_`. */
const KEY = /^[^/]+\/\d{8}T\d{9}Z-msg_[\w-]+\.json$/

/**
 * Returns the key of a dead letter. The keys of a destination sort by the time of the notification. A process that dies before it records
 * that it gave a notification up gives the same key again. A notification that was replayed has another one when it is given up again, so
 * that the replay which removes the first dead letter never removes the second.
 */
export function notificationDeadLetterKey({
  destination,
  dueAt,
  notification: { id, timestamp },
}: Pick<NotificationDeadLetter, 'destination' | 'dueAt'> & {
  notification: Pick<Notification, 'id' | 'timestamp'>
}): string {
  return `${PREFIX}${encodeURIComponent(destination)}/${timestamp.replace(/[-:.]/g, '')}-${id}-${dueAt}.json`
}

/** Returns true for the key of a dead letter of a notification, and false for any other object of the bucket. */
export function isNotificationDeadLetterKey(key: string): boolean {
  return key.startsWith(PREFIX) && KEY.test(key.slice(PREFIX.length))
}

export function createNotificationDeadLetters({
  s3,
  bucket,
}: {
  s3: S3Client
  bucket: string
}): NotificationDeadLetters {
  return {
    async write(letter) {
      const Key = notificationDeadLetterKey(letter)
      const Body = JSON.stringify(letter)
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType: 'application/json' }))
      return Key
    },

    async *keys(destination) {
      const folder = destination === undefined ? '' : `${encodeURIComponent(destination)}/`
      for await (const objects of listObjects(s3, { Bucket: bucket, Prefix: PREFIX + folder })) {
        for (const { Key = '' } of objects) if (isNotificationDeadLetterKey(Key)) yield Key
      }
    },

    async get(Key) {
      try {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }))
        return { key: Key, letter: decode((await Body?.transformToString()) ?? '') }
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined
        throw error
      }
    },

    async remove(Key) {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }))
    },
  }
}

function decode(json: string): NotificationDeadLetter | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return isLetter.Check(value) ? (value as NotificationDeadLetter) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
