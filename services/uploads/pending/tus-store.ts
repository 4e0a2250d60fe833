import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { conditionally, unlessRefused } from '../records/conditional-write.ts'
import type { UploadRecord } from '../records/record.ts'
import { itemKey, type UploadKey } from '../records/store.ts'
import { isDeleted } from '../records/tombstone.ts'
import type { PendingRecord, TusArrival } from './pending.ts'
import { toPending } from './pending-store.ts'

export type TusRecord = PendingRecord<TusArrival>

/** The result of an attempt to lock. `accepted`: the upload has arrived and needs no lock. */
export type LockResult =
  | { state: 'locked'; record: TusRecord }
  | { state: 'taken'; by: string }
  | { state: 'accepted'; record: UploadRecord }
  | { state: 'none' }

/** A lock of one upload, by a unique token. It expires if its process dies. */
export interface LockHold {
  token: string
  /** Epoch ms. */
  until: number
}

/**
 * The records of tus uploads in progress. The lock is in the record, so that any number of processes can serve an upload. Every write of
 * the arrival is conditional on the lock: a process that has lost it changes nothing.
 */
export interface TusStore {
  lock(key: UploadKey, hold: LockHold & { now: number }): Promise<LockResult>
  /** Asks the holder of the lock with `token` to release it. */
  requestRelease(key: UploadKey, token: string): Promise<void>
  /** Extends the lock, and records the arrival and the size if given. Resolves to undefined if the lock is lost. */
  renew(
    key: UploadKey,
    hold: LockHold,
    arrival?: TusArrival,
    size?: number,
  ): Promise<{ isReleaseRequested: boolean } | undefined>
  /** Releases the lock if `token` holds it. */
  unlock(key: UploadKey, token: string): Promise<void>
}

export function createTusStore({ dynamodb, table }: { dynamodb: DynamoDBClient; table: string }): TusStore {
  const held = '#status = :pending AND lockToken = :token'
  const names = { '#status': 'status' }

  return {
    async lock(key, { token, until, now }) {
      const update = new UpdateItemCommand({
        TableName: table,
        Key: itemKey(key),
        UpdateExpression: 'SET lockToken = :token, lockedUntil = :until REMOVE lockWanted',
        ConditionExpression:
          '#status = :pending AND arrival.way = :tus AND (attribute_not_exists(lockedUntil) OR lockedUntil < :now OR lockToken = :token)',
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: marshall({
          ':token': token,
          ':until': until,
          ':now': now,
          ':pending': 'pending',
          ':tus': 'tus',
        }),
        ReturnValues: 'ALL_NEW',
      })
      const changed = await unlessRefused(() => dynamodb.send(update))
      if (changed?.Attributes) {
        return { state: 'locked', record: toPending(unmarshall(changed.Attributes)) as TusRecord }
      }
      const { Item } = await dynamodb.send(
        new GetItemCommand({ TableName: table, Key: itemKey(key), ConsistentRead: true }),
      )
      const item = Item && unmarshall(Item)
      // A tombstone means that the upload was deleted.
      if (!item || isDeleted(item)) return { state: 'none' }
      const record = toPending(item)
      if (record.status !== 'pending') return { state: 'accepted', record }
      if ((record as PendingRecord).arrival.way !== 'tus') return { state: 'none' }
      return { state: 'taken', by: String(item.lockToken) }
    },

    async requestRelease(key, token) {
      await conditionally(() =>
        dynamodb.send(
          new UpdateItemCommand({
            TableName: table,
            Key: itemKey(key),
            UpdateExpression: 'SET lockWanted = :true',
            ConditionExpression: held,
            ExpressionAttributeNames: names,
            ExpressionAttributeValues: marshall({ ':true': true, ':pending': 'pending', ':token': token }),
          }),
        ),
      )
    },

    async renew(key, { token, until }, arrival, size) {
      const update = new UpdateItemCommand({
        TableName: table,
        Key: itemKey(key),
        UpdateExpression: `SET lockedUntil = :until${arrival ? ', arrival = :arrival' : ''}${size === undefined ? '' : ', #size = :size'}`,
        ConditionExpression: held,
        ExpressionAttributeNames: { ...names, ...(size !== undefined && { '#size': 'size' }) },
        ExpressionAttributeValues: marshall(
          {
            ':until': until,
            ':pending': 'pending',
            ':token': token,
            ...(arrival && { ':arrival': arrival }),
            ...(size !== undefined && { ':size': size }),
          },
          { removeUndefinedValues: true },
        ),
        ReturnValues: 'ALL_NEW',
      })
      const changed = await unlessRefused(() => dynamodb.send(update))
      return changed && { isReleaseRequested: changed.Attributes?.lockWanted?.BOOL === true }
    },

    async unlock(key, token) {
      await conditionally(() =>
        dynamodb.send(
          new UpdateItemCommand({
            TableName: table,
            Key: itemKey(key),
            UpdateExpression: 'REMOVE lockToken, lockedUntil, lockWanted',
            ConditionExpression: held,
            ExpressionAttributeNames: names,
            ExpressionAttributeValues: marshall({ ':pending': 'pending', ':token': token }),
          }),
        ),
      )
    },
  }
}
