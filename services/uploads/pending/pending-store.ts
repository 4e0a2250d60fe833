import {
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { createQuotaStore } from '../quotas/quota-store.ts'
import { conditionally, unlessRefused } from '../records/conditional-write.ts'
import { createQueryOutbox, type OutboxQuery } from '../records/outbox-index.ts'
import { outboxPartition, type UploadRecord } from '../records/record.ts'
import { itemKey, type UploadKey } from '../records/store.ts'
import { toRecord } from '../records/to-record.ts'
import { isDeleted } from '../records/tombstone.ts'
import { type PendingRecord, pendingPartition } from './pending.ts'

/** The records of pending uploads, which are reservations. They lie in the table of uploads under the same keys. */
export interface PendingStore {
  /** Records a reservation. To record it again changes nothing. */
  create(record: PendingRecord): Promise<void>
  /** Reads a reservation, or the upload that it became. Undefined if this owner has neither. Rejects when the signal fires. */
  get(key: UploadKey, signal?: AbortSignal): Promise<PendingRecord | UploadRecord | undefined>
  /**
   * Changes `pending` to `stored`, and sets the outbox mark in the same write. Resolves to the upload, also if an earlier attempt or another
   * process made the change. Resolves to undefined if there is no reservation.
   */
  markStored(
    key: UploadKey,
    arrived: {
      size: number
      sha256?: string
      announcedSha256?: string
      detectedType?: string
      traceparent?: string | undefined
    },
  ): Promise<UploadRecord | undefined>
  /**
   * Ends a reservation. From then on the owner has no such upload. A note of what must be cleaned up stays until `forget`. Resolves to the
   * reservation, or to undefined if no reservation exists.
   */
  end(key: UploadKey): Promise<PendingRecord | undefined>
  /** Deletes the note of an ended reservation, because everything is cleaned up. */
  forget(key: Pick<UploadKey, 'uploadId'>): Promise<void>
  /**
   * Lists reservations of one partition that were made before a time, oldest first, and the notes of ended ones. Rejects when the signal
   * fires.
   */
  listOld(query: OutboxQuery, signal?: AbortSignal): Promise<OldReservation[]>
}

export type OldReservation = PendingRecord & { ended?: true }

/** The owner of the notes of ended reservations. No token has it. */
const ENDED = '~ended'

const MARSHALL = { removeUndefinedValues: true }

export interface PendingStoreSettings {
  dynamodb: DynamoDBClient
  table: string
  now?: () => Date
}

export function createPendingStore({ dynamodb, table, now = () => new Date() }: PendingStoreSettings): PendingStore {
  const queryOutbox = createQueryOutbox(dynamodb, table)
  const quotas = createQuotaStore({ dynamodb, table })

  async function get(key: UploadKey, signal?: AbortSignal): Promise<PendingRecord | UploadRecord | undefined> {
    const { Item } = await dynamodb.send(
      new GetItemCommand({ TableName: table, Key: itemKey(key), ConsistentRead: true }),
      signal ? { abortSignal: signal } : {},
    )
    const item = Item && unmarshall(Item)
    return item && !isDeleted(item) ? toPending(item) : undefined
  }

  async function forget({ uploadId }: Pick<UploadKey, 'uploadId'>): Promise<void> {
    await dynamodb.send(new DeleteItemCommand({ TableName: table, Key: itemKey({ owner: ENDED, uploadId }) }))
  }

  return {
    get,

    async create(record) {
      const Item = marshall({ ...record, outboxPartition: pendingPartition(record.uploadId) }, MARSHALL)
      const ConditionExpression = 'attribute_not_exists(uploadId)'
      await conditionally(() => dynamodb.send(new PutItemCommand({ TableName: table, Item, ConditionExpression })))
    },

    async markStored(key, { size, ...arrived }) {
      const at = now().toISOString()
      const { sha256, announcedSha256, detectedType, traceparent } = arrived
      const known = Object.entries({ sha256, announcedSha256, detectedType, traceparent }).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      )
      const sets = known.map(([name]) => `, ${name} = :${name}`).join('')
      // A reservation has the announced digest as `sha256`. An upload has only a verified one.
      const unverified = sha256 === undefined ? ', sha256' : ''
      const update = new UpdateItemCommand({
        TableName: table,
        Key: itemKey(key),
        UpdateExpression: `SET #status = :stored, #size = :size, uploadedAt = :now, updatedAt = :now, outboxPartition = :outbox${sets} REMOVE arrival, expiresAt, quotaDay, #limits, lockToken, lockedUntil, lockWanted${unverified}`,
        ConditionExpression: '#status = :pending',
        ExpressionAttributeNames: { '#status': 'status', '#size': 'size', '#limits': 'limits' },
        ExpressionAttributeValues: marshall({
          ':stored': 'stored',
          ':pending': 'pending',
          ':size': size,
          ':now': at,
          ':outbox': outboxPartition(key.uploadId),
          ...Object.fromEntries(known.map(([name, value]) => [`:${name}`, value])),
        }),
        ReturnValues: 'ALL_NEW',
      })
      const changed = await unlessRefused(() => dynamodb.send(update))
      if (changed?.Attributes) return toRecord(unmarshall(changed.Attributes))
      // The reply of an earlier attempt may have been lost, another process may have been faster, or the reservation has ended.
      const found = await get(key)
      return found && found.status !== 'pending' ? found : undefined
    },

    async end(key) {
      const found = await get(key)
      if (found?.status !== 'pending') return undefined
      // The note comes first: once the reservation is gone, nothing else names what must be cleaned up.
      const { owner, uploadId } = found
      const note = { ...found, owner: ENDED, endedOwner: owner, outboxPartition: pendingPartition(uploadId) }
      await dynamodb.send(new PutItemCommand({ TableName: table, Item: marshall(note, MARSHALL) }))
      const gone = await unlessRefused(() =>
        dynamodb.send(
          new DeleteItemCommand({
            TableName: table,
            Key: itemKey(key),
            // A missing reservation was ended by an earlier attempt or another process. To clean up twice does no harm.
            ConditionExpression: 'attribute_not_exists(uploadId) OR #status = :pending',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':pending': { S: 'pending' } },
            ReturnValues: 'ALL_OLD',
          }),
        ),
      )
      if (gone) {
        // Only the request that has deleted the reservation gets it back, so that concurrent requests give back once. If the process dies
        // here, the owner gets nothing back. The other order could give it back twice.
        const deleted = gone.Attributes && unmarshall(gone.Attributes)
        const { quotaDay: day, size: bytes } = (deleted ?? {}) as Partial<PendingRecord>
        if (day !== undefined && bytes !== undefined)
          await quotas.refund({ owner, day }, { id: uploadId, bytes, uploads: 1 })
        return found
      }
      await forget({ uploadId })
      return undefined
    },

    forget,

    async listOld(query, signal) {
      return (await queryOutbox(query, signal)).map(toOld)
    },
  }
}

/** Reads an item as a reservation with its arrival, or as an upload. */
export function toPending(item: Record<string, unknown>): PendingRecord | UploadRecord {
  const record = toRecord(item)
  return item.status === 'pending' ? ({ ...record, arrival: item.arrival } as unknown as PendingRecord) : record
}

function toOld({ endedOwner, ...item }: Record<string, unknown>): OldReservation {
  const record = toPending(item) as PendingRecord
  return typeof endedOwner === 'string' ? { ...record, owner: endedOwner, ended: true } : record
}
