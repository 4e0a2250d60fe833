import { DeleteItemCommand, type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { conditionally } from '../../../uploads/records/conditional-write.ts'
import { itemKey } from '../../../uploads/records/store.ts'
import type { StreamRecord } from '../../stream-record.ts'

/** How often attempts of a record had no result. */
export interface Attempts {
  /** Attempts in a row that were started and never finished, because their worker died. */
  died: number
  /** Attempts in a row that were aborted although they had all the time of a Lambda function. */
  outOfTime: number
}

/** Keeps the attempts of suspect records in DynamoDB, where they outlive a worker. */
export interface AttemptStore {
  read(record: StreamRecord): Promise<Attempts>
  /**
   * Records the start of an attempt, which counts as a death until it is taken back or forgotten. To repeat it changes nothing.
   *
   * @param died deaths including this attempt
   */
  begin(record: StreamRecord, died: number): Promise<void>
  /** Records that an attempt ran out of time. Its worker did not die. */
  addOutOfTime(record: StreamRecord): Promise<void>
  /**
   * Takes the last `begin` back, because the attempt was aborted and its worker lives. Changes nothing if another worker has started the
   * record since.
   *
   * @param died the value given to `begin`
   */
  takeBack(record: StreamRecord, died: number): Promise<void>
  /** Deletes the count, because an attempt succeeded or failed. */
  forget(record: StreamRecord): Promise<void>
}

/** Longer than a record is retried. Older counts are deleted by the table's time to live. */
const REMEMBERED_DAYS = 8

export interface AttemptStoreSettings {
  dynamodb: DynamoDBClient
  table: string
  stream: string
  now?: () => Date
}

export function createAttemptStore({
  dynamodb,
  table,
  stream,
  now = () => new Date(),
}: AttemptStoreSettings): AttemptStore {
  /** Counts lie in the table of uploads, under an owner with a `#`, which no token has. The key is the record's place in the stream. */
  function keyOf({ shardId, sequenceNumber, subSequenceNumber = 0 }: StreamRecord) {
    return itemKey({ owner: `attempts#${stream}/${shardId}`, uploadId: `${sequenceNumber}/${subSequenceNumber}` })
  }

  async function update(record: StreamRecord, change: string, value: number): Promise<void> {
    const forgetAt = Math.floor(now().getTime() / 1_000) + REMEMBERED_DAYS * 86_400
    await dynamodb.send(
      new UpdateItemCommand({
        TableName: table,
        Key: keyOf(record),
        UpdateExpression: `SET forgetAt = :forgetAt${change}`,
        ExpressionAttributeValues: marshall({ ':forgetAt': forgetAt, ':value': value }),
      }),
    )
  }

  return {
    async read(record) {
      const { Item } = await dynamodb.send(
        new GetItemCommand({ TableName: table, Key: keyOf(record), ConsistentRead: true }),
      )
      const { died = 0, outOfTime = 0 } = Item ? (unmarshall(Item) as Partial<Attempts>) : {}
      return { died, outOfTime }
    },

    async begin(record, died) {
      await update(record, ', died = :value', died)
    },

    async addOutOfTime(record) {
      await update(record, ' REMOVE died ADD outOfTime :value', 1)
    },

    async takeBack(record, died) {
      const update = new UpdateItemCommand({
        TableName: table,
        Key: keyOf(record),
        UpdateExpression: 'SET died = :before',
        ConditionExpression: 'died = :died',
        ExpressionAttributeValues: marshall({ ':before': died - 1, ':died': died }),
      })
      await conditionally(() => dynamodb.send(update))
    },

    async forget(record) {
      await dynamodb.send(new DeleteItemCommand({ TableName: table, Key: keyOf(record) }))
    },
  }
}
