import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type QueryCommandOutput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { HeadgateError } from '../../platform/errors.ts'
import { pages } from '../../platform/pages.ts'
import { conditionally, unlessRefused } from '../records/conditional-write.ts'
import type { UploadRecord } from '../records/record.ts'
import { itemKey, type UploadKey } from '../records/store.ts'
import { toRecord } from '../records/to-record.ts'
import { isDeleted } from '../records/tombstone.ts'
import {
  decodeOwed,
  encodeOwed,
  encodePending,
  type NewNotification,
  NOTIFY_PARTITIONS,
  notificationAttribute,
  notifyPartitionName,
  type OwedNotification,
  owedChange,
  type PendingDelivery,
} from './owed.ts'

/** An upload that owes notifications, as the index has it. */
export interface OwingUpload extends UploadKey {
  /** When its notifications are due, or when the claim of a relay expires. Epoch milliseconds. */
  dueAt: number
}

/** An upload whose notifications nobody else sends until `dueAt`. */
export interface ClaimedUpload extends OwingUpload {
  record: UploadRecord
  /** In the order in which they must be sent. */
  owed: OwedNotification[]
}

export interface OwingQuery {
  partition: string
  /** Epoch milliseconds. */
  dueBefore: number
  limit: number
}

/** What is left of the owed notifications after an attempt to send them. */
export interface Settlement {
  /** The notifications that were attempted, as they were before. */
  before: readonly OwedNotification[]
  /** What is still owed of them. */
  after: readonly OwedNotification[]
  /** When they are due again, if any is left. From `dueTime`. */
  nextAt: number
}

/** The notifications that upload records owe. Methods that take a signal reject when it fires. */
export interface NotificationStore {
  /** Lists uploads of a partition that owe notifications, in the order in which they are due. */
  listOwing(query: OwingQuery, signal?: AbortSignal): Promise<OwingUpload[]>
  /** Lists all uploads that owe notifications, also those that are not due, for an operator. */
  allOwing(): AsyncGenerator<OwingUpload>
  /** Reads what an upload owes. Undefined if it does not exist or is deleted. */
  read(key: UploadKey): Promise<Pick<ClaimedUpload, 'record' | 'owed'> | undefined>
  /** Claims an upload until `until`. Undefined if it has changed since it was listed: another relay has it, or nothing is owed. */
  claim(owing: OwingUpload, until: number): Promise<ClaimedUpload | undefined>
  /**
   * Removes what was delivered or given up, and sets when the rest is due. If the record owes another notification since, only what was
   * delivered or given up is removed, and the record stays due as it is.
   *
   * @param owing `dueAt` is the value that this process wrote
   */
  settle(owing: OwingUpload, settlement: Settlement): Promise<void>
  /** Makes a notification owed to one destination again. Resolves to false if the upload does not exist or is deleted. */
  oweAgain(key: UploadKey, notification: NewNotification & { failure?: OwedNotification['failure'] }): Promise<boolean>
}

/** The record of an upload changed during each of several writes. */
export class NotificationConflictError extends HeadgateError {
  readonly code = 'HEADGATE_NOTIFICATION_CONFLICT'
}

const MAX_TRIES = 3

export function createNotificationStore({
  dynamodb,
  table,
}: {
  dynamodb: DynamoDBClient
  table: string
}): NotificationStore {
  async function update(key: UploadKey, change: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>): Promise<boolean> {
    const command = new UpdateItemCommand({ TableName: table, Key: itemKey(key), ...change })
    return conditionally(() => dynamodb.send(command))
  }

  /** Removes one destination of a notification. Changes nothing if its state has changed: it was removed, or is owed again. */
  async function removeDelivered(
    key: UploadKey,
    id: string,
    [destination, before]: [string, PendingDelivery],
  ): Promise<void> {
    const isFirst = before.attempts === 0 && before.nextAt === 0
    await update(key, {
      UpdateExpression: 'REMOVE #notify.#d.#name',
      // The second element is the time of the next attempt.
      ConditionExpression: isFirst ? 'attribute_type(#notify.#d.#name, :before)' : '#notify.#d.#name[1] = :before',
      ExpressionAttributeNames: { '#notify': notificationAttribute(id), '#d': 'd', '#name': destination },
      ExpressionAttributeValues: { ':before': isFirst ? { S: 'NULL' } : { N: String(before.nextAt) } },
    })
  }

  async function read(key: UploadKey): Promise<Pick<ClaimedUpload, 'record' | 'owed'> | undefined> {
    const { Item } = await dynamodb.send(
      new GetItemCommand({ TableName: table, Key: itemKey(key), ConsistentRead: true }),
    )
    const item = Item && unmarshall(Item)
    return item && !isDeleted(item) ? { record: toRecord(item), owed: decodeOwed(item) } : undefined
  }

  return {
    async listOwing({ partition, dueBefore, limit }, signal) {
      const { Items = [] } = await dynamodb.send(
        new QueryCommand({
          TableName: table,
          IndexName: 'notifications',
          KeyConditionExpression: 'notifyPartition = :partition AND notifyAt < :before',
          ExpressionAttributeValues: marshall({ ':partition': partition, ':before': dueBefore }),
          Limit: limit,
        }),
        signal && { abortSignal: signal },
      )
      return Items.map(owingOf)
    },

    async *allOwing() {
      for (let index = 0; index < NOTIFY_PARTITIONS; index++) {
        const query = {
          TableName: table,
          IndexName: 'notifications',
          KeyConditionExpression: 'notifyPartition = :partition',
          ExpressionAttributeValues: marshall({ ':partition': notifyPartitionName(index) }),
        }
        const listing = pages<QueryCommandOutput, Record<string, AttributeValue>>({
          operation: 'Query',
          fetch: marker => dynamodb.send(new QueryCommand({ ...query, ...(marker && { ExclusiveStartKey: marker }) })),
          next: ({ LastEvaluatedKey }) => LastEvaluatedKey,
        })
        for await (const { Items = [] } of listing) yield* Items.map(owingOf)
      }
    },

    read,

    async claim({ owner, uploadId, dueAt }, until) {
      const claim = new UpdateItemCommand({
        TableName: table,
        Key: itemKey({ owner, uploadId }),
        UpdateExpression: 'SET notifyAt = :until',
        ConditionExpression: 'notifyAt = :seen',
        ExpressionAttributeValues: marshall({ ':until': until, ':seen': dueAt }),
        ReturnValues: 'ALL_NEW',
      })
      const reply = await unlessRefused(() => dynamodb.send(claim))
      if (!reply) return undefined
      const item = unmarshall(reply.Attributes ?? {})
      return { owner, uploadId, dueAt: until, record: toRecord(item), owed: decodeOwed(item) }
    },

    async settle({ owner, uploadId, dueAt }, { before, after, nextAt }) {
      const key = { owner, uploadId }
      const left = new Map(after.map(notification => [notification.id, notification]))
      const names: Record<string, string> = {}
      const values: Record<string, AttributeValue> = { ':seen': { N: String(dueAt) } }
      const sets: string[] = []
      const removes: string[] = []
      before.forEach(({ id }, index) => {
        names[`#n${index}`] = notificationAttribute(id)
        const rest = left.get(id)
        if (rest) {
          values[`:n${index}`] = encodeOwed(rest)
          sets.push(`#n${index} = :n${index}`)
        } else removes.push(`#n${index}`)
      })
      if (after.length === 0) removes.push('notifyPartition', 'notifyAt')
      else {
        values[':next'] = { N: String(nextAt) }
        sets.push('notifyAt = :next')
      }
      const isSettled = await update(key, {
        UpdateExpression: [
          sets.length > 0 ? `SET ${sets.join(', ')}` : '',
          removes.length > 0 ? `REMOVE ${removes.join(', ')}` : '',
        ].join(' '),
        ConditionExpression: 'notifyAt = :seen',
        ...(before.length > 0 && { ExpressionAttributeNames: names }),
        ExpressionAttributeValues: values,
      })
      if (isSettled) return
      for (const { id, pending } of before) {
        for (const delivery of pending) {
          if (!left.get(id)?.pending.has(delivery[0])) await removeDelivered(key, id, delivery)
        }
      }
    },

    async oweAgain(key, notification) {
      const { names, values, set } = owedChange(key.uploadId, notification, notification.failure)
      const common = { ...names, '#status': 'status' }
      const [destination = ''] = notification.destinations
      // It differs from every earlier state, so that a relay which still settles an earlier attempt does not remove it.
      const fresh = { attempts: 0, nextAt: Math.round(notification.dueAt) }
      const { failure, ...rest } = notification
      const whole = encodeOwed({ ...rest, pending: new Map([[destination, fresh]]), ...(failure && { failure }) })
      const { ':notify': _without, ...due } = values
      /** Other destinations may still be owed the same notification. */
      const addToOwed = () =>
        update(key, {
          UpdateExpression: 'SET #notify.#d.#name = :fresh, notifyPartition = :notifyPartition, notifyAt = :notifyAt',
          ConditionExpression: 'attribute_exists(#notify.#d) AND #status <> :deleted',
          ExpressionAttributeNames: { ...common, '#d': 'd', '#name': destination },
          ExpressionAttributeValues: { ...due, ':fresh': encodePending(fresh), ':deleted': { S: 'deleted' } },
        })
      const addWhole = () =>
        update(key, {
          UpdateExpression: `SET ${set.replace(/^, /, '')}`,
          ConditionExpression: 'attribute_exists(uploadId) AND attribute_not_exists(#notify) AND #status <> :deleted',
          ExpressionAttributeNames: common,
          ExpressionAttributeValues: { ...values, ':notify': whole, ':deleted': { S: 'deleted' } },
        })
      // A relay or another operator may change the record between the two writes.
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        if ((await addToOwed()) || (await addWhole())) return true
        if (!(await read(key))) return false
      }
      throw new NotificationConflictError('The record of the upload changes all the time. Try again.')
    },
  }
}

function owingOf(item: Record<string, AttributeValue>): OwingUpload {
  const { owner, uploadId, notifyAt } = unmarshall(item) as { owner: string; uploadId: string; notifyAt: number }
  return { owner, uploadId, dueAt: notifyAt }
}
