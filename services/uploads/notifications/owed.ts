import { createHash } from 'node:crypto'
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { OUTBOX_PARTITIONS, outboxPartitionNumber, type UploadFailure, type UploadRecord } from '../records/record.ts'
import { type NotificationType, notificationTypes } from './notification.ts'

/** A notification that the write of a final status adds to the record. */
export interface NewNotification {
  /** From `notificationId`. */
  id: string
  type: NotificationType
  /** Of the stream record that gave the upload its status. Notifications of an upload are sent in this order. Decimal digits. */
  sequenceNumber: string
  /** When the upload gets its status, in epoch milliseconds. */
  at: number
  /** The names of the destinations that get it. At least one. */
  destinations: readonly string[]
  /** From when on the relay may send it, in epoch milliseconds. From `dueTime`. */
  dueAt: number
  /** Called once the notification is owed. */
  onOwed?(by: OwedBy): void
}

/** The record that owes a new notification. */
export interface OwedBy {
  /** The record after the write. */
  record: UploadRecord
  /** True if the record still owes an earlier notification. The new one must not overtake it. */
  isBehind: boolean
}

/** A notification that a record owes. */
export interface OwedNotification extends Pick<NewNotification, 'id' | 'type' | 'sequenceNumber' | 'at'> {
  /** The destinations that have not got it, by name. */
  pending: ReadonlyMap<string, PendingDelivery>
  /** Missing for a processed upload. A redrive removes the failure from the record. */
  failure?: UploadFailure
}

/** The state of a notification for one destination. */
export interface PendingDelivery {
  /** Failed attempts. */
  attempts: number
  /** When to try again, in epoch milliseconds. 0 before the first attempt. */
  nextAt: number
  /** Why the last attempt failed. Missing before the first attempt. */
  lastFailure?: string
}

/** The prefix of the attributes of notifications, which the id follows. */
const PREFIX = 'notify:'

/** Returns true for an attribute of a record that only concerns notifications. No client sees it. */
export function isNotificationAttribute(name: string): boolean {
  return name.startsWith('notify')
}

/** Returns the name of the attribute of a notification. */
export function notificationAttribute(id: string): string {
  return PREFIX + id
}

/** Returns the id of a notification. It depends only on its arguments, so that an upload that is processed again gives the same one. */
export function notificationId(
  { owner, uploadId }: { owner: string; uploadId: string },
  type: NotificationType,
  { sequenceNumber, subSequenceNumber = 0 }: { sequenceNumber: string; subSequenceNumber?: number },
): string {
  const text = JSON.stringify([owner, uploadId, type, sequenceNumber, subSequenceNumber])
  // 132 bits are enough to be unique, and each character is a byte of the record.
  return `msg_${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`
}

/** Number of partitions of the index `notifications`. It is that of the outbox, for the same reason. */
export const NOTIFY_PARTITIONS = OUTBOX_PARTITIONS

export function notifyPartitionName(index: number): string {
  return `notify-${index}`
}

function notifyPartition(uploadId: string): string {
  return notifyPartitionName(outboxPartitionNumber(uploadId))
}

/**
 * Returns a value of `notifyAt`. It has a random fraction of a millisecond, because the condition of each later write is that the value
 * is unchanged: two writers must not choose the same one.
 */
export function dueTime(epochMs: number, random: () => number = Math.random): number {
  return Math.floor(epochMs) + Math.floor(random() * 1_000) / 1_000
}

/** Returns the parts of an UpdateItem that make a notification owed. All are empty without a notification. */
export function owedChange(uploadId: string, added: NewNotification | undefined, failure?: UploadFailure) {
  if (!added) return { set: '', names: {}, values: {} }
  const { destinations, ...rest } = added
  const pending = new Map(destinations.map(name => [name, { attempts: 0, nextAt: 0 }]))
  return {
    set: ', #notify = :notify, notifyPartition = :notifyPartition, notifyAt = :notifyAt',
    names: { '#notify': notificationAttribute(added.id) },
    values: {
      ':notify': encodeOwed({ ...rest, pending, ...(failure && { failure }) }),
      ':notifyPartition': { S: notifyPartition(uploadId) },
      ':notifyAt': { N: String(added.dueAt) },
    } satisfies Record<string, AttributeValue>,
  }
}

/**
 * Reports a new notification to its sender.
 *
 * @param before the unmarshalled item before the write
 * @param changes what the write changed
 * @param toRecord returns the record of an item
 */
export function reportOwed(
  added: NewNotification,
  before: Record<string, unknown>,
  changes: Record<string, unknown>,
  toRecord: (item: Record<string, unknown>) => UploadRecord,
): void {
  const own = notificationAttribute(added.id)
  const isBehind = Object.keys(before).some(name => name.startsWith(PREFIX) && name !== own)
  added.onOwed?.({ record: toRecord({ ...before, ...changes }), isBehind })
}

const TYPES = {
  'upload.processed': 'p',
  'upload.failed': 'f',
  'upload.quarantined': 'q',
} as const satisfies Record<NotificationType, string>

const TYPE_OF = new Map(notificationTypes.map((type): [string, NotificationType] => [TYPES[type], type]))

/**
 * Returns a notification as an attribute of a record. Its names have one letter, because most records have room for only some 100 bytes
 * before they need a second write unit. No part is binary, so that a direct request can hold it.
 */
export function encodeOwed({ type, sequenceNumber, at, pending, failure }: OwedNotification): AttributeValue {
  const destinations = [...pending].map(([name, state]): [string, AttributeValue] => [name, encodePending(state)])
  return {
    M: {
      t: { S: TYPES[type] },
      q: { S: packDigits(sequenceNumber) },
      a: { N: String(Math.round(at)) },
      d: { M: Object.fromEntries(destinations) },
      ...(failure && { f: { M: { code: { S: failure.code }, reason: { S: failure.reason } } } }),
    },
  }
}

/** Returns the state of one destination in the attribute of a notification. */
export function encodePending({ attempts, nextAt, lastFailure }: PendingDelivery): AttributeValue {
  if (attempts === 0 && nextAt === 0) return { NULL: true }
  return {
    L: [{ N: String(attempts) }, { N: String(Math.round(nextAt)) }, ...(lastFailure ? [{ S: lastFailure }] : [])],
  }
}

/** Returns the notifications that an unmarshalled item owes, in the order in which they must be sent. */
export function decodeOwed(item: Record<string, unknown>): OwedNotification[] {
  return Object.entries(item)
    .flatMap(([name, value]) => (name.startsWith(PREFIX) ? [decodeOne(name.slice(PREFIX.length), value)] : []))
    .sort((one, other) => compareDigits(one.sequenceNumber, other.sequenceNumber) || one.at - other.at)
}

function decodeOne(id: string, value: unknown): OwedNotification {
  const { t, q, a, d, f } = value as {
    t: string
    q: string
    a: number
    d: Record<string, null | [number, number, string?]>
    f?: UploadFailure
  }
  const pending = Object.entries(d).map(([name, state]): [string, PendingDelivery] => {
    const [attempts, nextAt, lastFailure] = state ?? [0, 0]
    return [name, { attempts, nextAt, ...(lastFailure !== undefined && { lastFailure }) }]
  })
  return {
    id,
    type: TYPE_OF.get(t) ?? 'upload.processed',
    sequenceNumber: unpackDigits(q),
    at: a,
    pending: new Map(pending),
    ...(f && { failure: f }),
  }
}

/** Sequence numbers have some 56 digits, which take 31 characters in base64. The prefix tells other texts apart. */
function packDigits(digits: string): string {
  if (!/^[1-9]\d*$/.test(digits)) return `=${digits}`
  const hex = BigInt(digits).toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
}

function unpackDigits(packed: string): string {
  if (packed.startsWith('=')) return packed.slice(1)
  return String(BigInt(`0x${Buffer.from(packed, 'base64url').toString('hex')}`))
}

function compareDigits(one: string, other: string): number {
  if (one.length !== other.length) return one.length - other.length
  if (one === other) return 0
  return one < other ? -1 : 1
}
