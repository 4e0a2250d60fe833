import { createHash, randomUUID } from 'node:crypto'
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'

/** Identifies the requests of one owner with the same `Idempotency-Key`. */
export interface IdempotencyKey {
  owner: string
  key: string
}

/** What is stored about these requests. */
export interface IdempotencyEntry {
  /** Fingerprint of the first request, by its headers. */
  fingerprint: string
  /** The id from which the upload's id is derived, the same for all of these requests. */
  uploadId: string
  /** The attempt that is in flight, or was the last one. */
  claimId: string
  /** When the claim of an attempt that is not extended expires, in epoch ms. */
  claimedUntil: number
  /** Set once a request was answered: the digest of its payload, and the response as JSON. */
  payload?: string
  answer?: string
}

/** The claim of an attempt on its key. */
export interface IdempotencyClaim extends IdempotencyKey {
  claimId: string
  uploadId: string
  /** True if the result of an earlier attempt is unknown. */
  isRetry: boolean
}

export type ClaimResult = { claim: IdempotencyClaim } | { entry: IdempotencyEntry }

export interface IdempotencyStore {
  /** Claims the key for an attempt. Resolves to the stored entry if another attempt holds the key or a request was answered. */
  claim(key: IdempotencyKey, first: Pick<IdempotencyEntry, 'fingerprint' | 'uploadId'>): Promise<ClaimResult>
  /** Extends the claim. Resolves to false if another attempt holds the key by now. */
  extend(claim: IdempotencyClaim): Promise<boolean>
  /** Stores the response for later requests. Resolves to false if another attempt holds the key by now. */
  complete(claim: IdempotencyClaim, done: { payload: string; answer: string }): Promise<boolean>
  /** Deletes the entry, because the attempt had no effect. */
  release(claim: IdempotencyClaim): Promise<void>
  /** Lets another attempt take over at once, because the result of this one is unknown. */
  abandon(claim: IdempotencyClaim): Promise<void>
}

export interface IdempotencyStoreSettings {
  dynamodb: DynamoDBClient
  /** The table of uploads. Entries lie under owners with a `#`, which no token has. */
  table: string
  /** Duration of a claim that is not extended, in milliseconds. */
  claimMs: number
  /** How long a response is kept, in milliseconds. */
  keepMs: number
  now?: () => number
}

/** Another attempt may claim the key between a read and a write. After this many tries the key is left to the other attempt. */
const TRIES = 3

export function createIdempotencyStore(settings: IdempotencyStoreSettings): IdempotencyStore {
  const { dynamodb, table, claimMs, keepMs, now = Date.now } = settings
  const TableName = table
  const keyOf = ({ owner, key }: IdempotencyKey) => ({
    owner: { S: `idempotency#${owner}` },
    uploadId: { S: createHash('sha256').update(key).digest('hex') },
  })
  /** For DynamoDB's time to live, in epoch seconds. It may act days late, so the value is also compared. */
  const forgetAt = () => Math.ceil((now() + keepMs) / 1000)

  async function insert(key: IdempotencyKey, entry: IdempotencyEntry): Promise<boolean> {
    const { uploadId: baseId, ...rest } = entry
    const Item = { ...marshall({ ...rest, baseId, forgetAt: forgetAt() }), ...keyOf(key) }
    return conditionally(() =>
      dynamodb.send(
        new PutItemCommand({
          TableName,
          Item,
          ConditionExpression: 'attribute_not_exists(claimId) OR forgetAt < :seconds',
          ExpressionAttributeValues: marshall({ ':seconds': Math.floor(now() / 1000) }),
        }),
      ),
    )
  }

  async function read(key: IdempotencyKey): Promise<IdempotencyEntry | undefined> {
    const { Item } = await dynamodb.send(new GetItemCommand({ TableName, Key: keyOf(key), ConsistentRead: true }))
    if (!Item) return undefined
    const { baseId, uploadId: _hash, owner: _owner, ...rest } = unmarshall(Item)
    return { ...rest, uploadId: baseId } as IdempotencyEntry
  }

  async function update(
    key: IdempotencyKey,
    claimId: string,
    change: Partial<UpdateItemCommandInput>,
  ): Promise<boolean> {
    const values = { ...change.ExpressionAttributeValues, ...marshall({ ':mine': claimId }) }
    return conditionally(() =>
      dynamodb.send(
        new UpdateItemCommand({
          TableName,
          Key: keyOf(key),
          ConditionExpression: 'claimId = :mine AND attribute_not_exists(answer)',
          ...change,
          ExpressionAttributeValues: values,
        }),
      ),
    )
  }

  const holdUntil = (claim: IdempotencyClaim, until: number) =>
    update(claim, claim.claimId, {
      UpdateExpression: 'SET claimedUntil = :until, forgetAt = :forgetAt',
      ExpressionAttributeValues: marshall({ ':until': until, ':forgetAt': forgetAt() }),
    })

  return {
    async claim(key, first) {
      const claimId = randomUUID()
      for (let tries = 1; ; tries++) {
        const claimedUntil = now() + claimMs
        if (await insert(key, { ...first, claimId, claimedUntil })) {
          return { claim: { ...key, claimId, uploadId: first.uploadId, isRetry: false } }
        }
        const entry = await read(key)
        if (!entry) continue
        const isOver =
          entry.answer === undefined && entry.claimedUntil < now() && entry.fingerprint === first.fingerprint
        if (!isOver || tries === TRIES) return { entry }
        const taken = await update(key, entry.claimId, {
          UpdateExpression: 'SET claimId = :next, claimedUntil = :until, forgetAt = :forgetAt',
          ExpressionAttributeValues: marshall({ ':next': claimId, ':until': claimedUntil, ':forgetAt': forgetAt() }),
        })
        if (taken) return { claim: { ...key, claimId, uploadId: entry.uploadId, isRetry: true } }
      }
    },

    extend: claim => holdUntil(claim, now() + claimMs),

    complete: (claim, { payload, answer }) =>
      update(claim, claim.claimId, {
        UpdateExpression: 'SET payload = :payload, answer = :answer, forgetAt = :forgetAt',
        ExpressionAttributeValues: marshall({ ':payload': payload, ':answer': answer, ':forgetAt': forgetAt() }),
      }),

    async release(claim) {
      await conditionally(() =>
        dynamodb.send(
          new DeleteItemCommand({
            TableName,
            Key: keyOf(claim),
            ConditionExpression: 'claimId = :mine AND attribute_not_exists(answer)',
            ExpressionAttributeValues: marshall({ ':mine': claim.claimId }),
          }),
        ),
      )
    },

    async abandon(claim) {
      await holdUntil(claim, 0)
    },
  }
}

async function conditionally(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write()
    return true
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false
    throw error
  }
}
