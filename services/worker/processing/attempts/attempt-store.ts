import { DeleteItemCommand, type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { conditionally } from '../../../uploads/records/conditional-write.ts'
import { itemKey } from '../../../uploads/records/store.ts'
import type { StreamRecord } from '../../stream-record.ts'

/** What came of a record so far, of those times that came to no end of their own. */
export interface Attempts {
  /** Times in a row that it was begun and nothing was heard of it again: whoever had it died. */
  died: number
  /** Times in a row that it was called off although it had had all the time that a function has. */
  outOfTime: number
}

/** The attempts of records that may be what their worker dies of: kept where they outlive it, and of no others. */
export interface AttemptStore {
  read(record: StreamRecord): Promise<Attempts>
  /** Before it is begun: it counts as died until it is told otherwise. `died` with this time. Doing it again changes nothing. */
  begin(record: StreamRecord, died: number): Promise<void>
  /** It was called off, and nobody died. */
  addOutOfTime(record: StreamRecord): Promise<void>
  /**
   * Takes the last `begin` back: the work was called off, and its worker lives. Changes nothing if another worker has begun the record
   * since.
   *
   * @param died as it was given to `begin`
   */
  takeBack(record: StreamRecord, died: number): Promise<void>
  /** It came to an end, well or badly. */
  forget(record: StreamRecord): Promise<void>
}

/** Longer than a record can go round before it is judged. What is forgotten is by the table's time to live. */
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
  /** Beside the upload records, of an owner that no token can name: with a `#`. By its place, since not every record has an upload. */
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
