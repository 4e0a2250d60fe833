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

/** The requests of one owner that bear one `Idempotency-Key`. */
export interface IdempotencyKey {
  owner: string
  key: string
}

/** What is kept of them. */
export interface IdempotencyEntry {
  /** What the first request was, as far as its head tells. */
  fingerprint: string
  /** What the upload's id is made from, for the first request and for every other. */
  uploadId: string
  /** The attempt that is under way, or was the last. */
  claimId: string
  /** When an attempt that is not heard of is given up, in epoch ms. */
  claimedUntil: number
  /** Of a request that was answered: the digest of its payload, and the answer as JSON. */
  payload?: string
  answer?: string
}

/** An attempt's hold on its key. */
export interface IdempotencyClaim extends IdempotencyKey {
  claimId: string
  uploadId: string
  /** Whether an attempt before it may have got further than anybody knows. */
  isRetry: boolean
}

export type ClaimResult = { claim: IdempotencyClaim } | { entry: IdempotencyEntry }

export interface IdempotencyStore {
  /** Takes the key for an attempt. Resolves to what is kept where the key is another attempt's or its request was answered. */
  claim(key: IdempotencyKey, first: Pick<IdempotencyEntry, 'fingerprint' | 'uploadId'>): Promise<ClaimResult>
  /** Holds on for as long again. Resolves to false where the key is another attempt's by now. */
  extend(claim: IdempotencyClaim): Promise<boolean>
  /** Keeps the answer for every request to come. Resolves to false as above. */
  complete(claim: IdempotencyClaim, done: { payload: string; answer: string }): Promise<boolean>
  /** Forgets the key: nothing came of the attempt. */
  release(claim: IdempotencyClaim): Promise<void>
  /** Lets another attempt take over at once: nobody knows what came of this one. */
  abandon(claim: IdempotencyClaim): Promise<void>
}

export interface IdempotencyStoreSettings {
  dynamodb: DynamoDBClient
  /** The table of upload records. Its entries are of owners that no token can name: with a `#`. */
  table: string
  /** How long an attempt holds its key without being heard of, in milliseconds. */
  claimMs: number
  /** How long an answer is kept, in milliseconds. */
  keepMs: number
  now?: () => number
}

/** Another attempt may come in between each look and each claim; after so many it is the other's. */
const TRIES = 3

export function createIdempotencyStore(settings: IdempotencyStoreSettings): IdempotencyStore {
  const { dynamodb, table, claimMs, keepMs, now = Date.now } = settings
  const TableName = table
  const keyOf = ({ owner, key }: IdempotencyKey) => ({
    owner: { S: `idempotency#${owner}` },
    uploadId: { S: createHash('sha256').update(key).digest('hex') },
  })
  /** For DynamoDB's TTL, in epoch seconds. It may be late by days, so that it is compared as well. */
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
