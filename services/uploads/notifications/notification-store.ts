import {
  type AttributeValue,
  type DynamoDBClient,
  QueryCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { conditionally, unlessRefused } from '../records/conditional-write.ts'
import type { UploadRecord } from '../records/record.ts'
import { itemKey, type UploadKey } from '../records/store.ts'
import { toRecord } from '../records/to-record.ts'
import {
  decodeOwed,
  encodeOwed,
  type NewNotification,
  notificationAttribute,
  type OwedNotification,
  owedChange,
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

  /** Removes one destination of a notification. Changes nothing if another process has removed the notification or the destination. */
  async function removeDelivered(key: UploadKey, id: string, destination: string): Promise<void> {
    await update(key, {
      UpdateExpression: 'REMOVE #notify.#d.#name',
      ConditionExpression: 'attribute_exists(#notify.#d.#name)',
      ExpressionAttributeNames: { '#notify': notificationAttribute(id), '#d': 'd', '#name': destination },
    })
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
      return Items.map(item => {
        const { owner, uploadId, notifyAt } = unmarshall(item) as { owner: string; uploadId: string; notifyAt: number }
        return { owner, uploadId, dueAt: notifyAt }
      })
    },

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
        for (const name of pending.keys()) {
          if (!left.get(id)?.pending.has(name)) await removeDelivered(key, id, name)
        }
      }
    },

    async oweAgain(key, notification) {
      const { names, values, set } = owedChange(key.uploadId, notification, notification.failure)
      const common = { ...names, '#status': 'status' }
      const [destination = ''] = notification.destinations
      // Other destinations may still be owed the same notification.
      const { ':notify': _whole, ...due } = values
      const isAdded = await update(key, {
        UpdateExpression: 'SET #notify.#d.#name = :fresh, notifyPartition = :notifyPartition, notifyAt = :notifyAt',
        ConditionExpression: 'attribute_exists(#notify.#d) AND #status <> :deleted',
        ExpressionAttributeNames: { ...common, '#d': 'd', '#name': destination },
        ExpressionAttributeValues: { ...due, ':fresh': { NULL: true }, ':deleted': { S: 'deleted' } },
      })
      if (isAdded) return true
      return update(key, {
        UpdateExpression: `SET ${set.replace(/^, /, '')}`,
        ConditionExpression: 'attribute_exists(uploadId) AND attribute_not_exists(#notify) AND #status <> :deleted',
        ExpressionAttributeNames: common,
        ExpressionAttributeValues: { ...values, ':deleted': { S: 'deleted' } },
      })
    },
  }
}
