import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { conditionally } from '../records/conditional-write.ts'

/** How much an owner may upload in a day of UTC. At least one of them is set. */
export interface Quota {
  bytesPerDay?: number | undefined
  uploadsPerDay?: number | undefined
}

/** What an owner has uploaded in a day. Uploads without a quota are not counted. */
export interface QuotaUse {
  bytes: number
  uploads: number
}

/** Where a charge is counted. */
export interface QuotaDay {
  owner: string
  /** The day in UTC, as `2026-12-01`. */
  day: string
}

/** A change of what is counted. */
export interface QuotaChange extends QuotaUse {
  /** The same for a repeated change, which is then not counted again, unless another change came in between. */
  id: string
}

/** Counts what owners upload. Each owner and day has one item in the table of uploads. */
export interface QuotaStore {
  used(place: QuotaDay): Promise<QuotaUse>
  /** Counts an upload if the quota has room for it. Resolves to false if it has not. */
  charge(place: QuotaDay, change: QuotaChange, quota: Quota): Promise<boolean>
  /** Gives back what was charged for an upload that was not accepted. */
  refund(place: QuotaDay, change: QuotaChange): Promise<void>
}

/** How long the item of a day is kept after the day, in seconds. */
const KEEP_SECONDS = 2 * 86_400

export function createQuotaStore({ dynamodb, table }: { dynamodb: DynamoDBClient; table: string }): QuotaStore {
  // No token has an owner with a `#`.
  const keyOf = ({ owner, day }: QuotaDay) => ({ owner: { S: `quota#${owner}` }, uploadId: { S: day } })

  async function read(place: QuotaDay): Promise<QuotaUse & { lastCharge?: string }> {
    const { Item } = await dynamodb.send(
      new GetItemCommand({ TableName: table, Key: keyOf(place), ConsistentRead: true }),
    )
    const { bytes = 0, uploads = 0, lastCharge } = Item ? unmarshall(Item) : {}
    return { bytes, uploads, lastCharge }
  }

  return {
    async used(place) {
      const { bytes, uploads } = await read(place)
      return { bytes, uploads }
    },

    async charge(place, { id, bytes, uploads }, { bytesPerDay, uploadsPerDay }) {
      // DynamoDB computes nothing in a condition, so the room that must be left is computed here.
      const rooms = [
        ...(bytesPerDay === undefined ? [] : [{ name: '#bytes', value: ':bytesRoom', room: bytesPerDay - bytes }]),
        ...(uploadsPerDay === undefined || uploads === 0
          ? []
          : [{ name: '#uploads', value: ':uploadsRoom', room: uploadsPerDay - uploads }]),
      ]
      if (rooms.some(({ room }) => room < 0)) return false
      const conditions = rooms.map(({ name, value }) => `(attribute_not_exists(${name}) OR ${name} <= ${value})`)
      const update = new UpdateItemCommand({
        TableName: table,
        Key: keyOf(place),
        UpdateExpression:
          'SET lastCharge = :id, forgetAt = :forgetAt REMOVE lastRefund ADD #bytes :bytes, #uploads :uploads',
        ConditionExpression: ['(attribute_not_exists(lastCharge) OR lastCharge <> :id)', ...conditions].join(' AND '),
        ExpressionAttributeNames: { '#bytes': 'bytes', '#uploads': 'uploads' },
        ExpressionAttributeValues: marshall({
          ':id': id,
          ':bytes': bytes,
          ':uploads': uploads,
          ':forgetAt': Date.parse(`${place.day}T00:00:00Z`) / 1_000 + 86_400 + KEEP_SECONDS,
          ...Object.fromEntries(rooms.map(({ value, room }) => [value, room])),
        }),
      })
      if (await conditionally(() => dynamodb.send(update))) return true
      // The reply of this charge may have been lost, and the SDK has repeated it.
      return (await read(place)).lastCharge === id
    },

    async refund(place, { id, bytes, uploads }) {
      const update = new UpdateItemCommand({
        TableName: table,
        Key: keyOf(place),
        UpdateExpression: 'SET lastRefund = :id REMOVE lastCharge ADD #bytes :bytes, #uploads :uploads',
        // An item that DynamoDB has deleted after its day must not come back.
        ConditionExpression: 'attribute_exists(uploadId) AND (attribute_not_exists(lastRefund) OR lastRefund <> :id)',
        ExpressionAttributeNames: { '#bytes': 'bytes', '#uploads': 'uploads' },
        ExpressionAttributeValues: marshall({ ':id': id, ':bytes': -bytes, ':uploads': -uploads }),
      })
      await conditionally(() => dynamodb.send(update))
    },
  }
}
