import { hash } from 'node:crypto'
import { type AttributeValue, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { names } from '../../../services/platform/resources.ts'
import { decodeOwed } from '../../../services/uploads/notifications/owed.ts'
import { readStream } from '../../support/stream.ts'
import type {
  FoundEvent,
  FoundLetter,
  FoundObject,
  FoundRecord,
  FoundResult,
  FoundUndelivered,
  Inventory,
} from './inventory.ts'
import type { NotificationInventory } from './notifications.ts'

export interface Sources {
  s3: S3Client
  dynamodb: DynamoDBClient
  kinesis: KinesisClient
}

const LETTERS = 'dead-letters/'
const UNDELIVERED = `${LETTERS}notifications/`
const SIDE_BY_SIDE = 16

/** Reads all evidence. */
export async function takeInventory({ s3, dynamodb, kinesis }: Sources): Promise<Inventory> {
  const processed = await listObjects(s3, names.processedBucket)
  const results = processed.filter(({ key }) => !key.startsWith(LETTERS))
  const letters = processed.filter(({ key }) => key.startsWith(LETTERS) && !key.startsWith(UNDELIVERED))
  return {
    ...(await takeNotificationInventory({ s3, dynamodb, kinesis })),
    sources: await listObjects(s3, names.uploadBucket),
    results: await mapSome(results, async ({ key }): Promise<FoundResult> => {
      const { bytes, metadata } = await readProcessed(s3, key)
      return { key, sha256: hash('sha256', bytes), uploadId: metadata['upload-id'] }
    }),
    letters: await mapSome(letters, async ({ key }) => toLetter(key, await readText(s3, key))),
  }
}

/** Reads the evidence that concerns notifications. */
export async function takeNotificationInventory({ s3, dynamodb, kinesis }: Sources): Promise<NotificationInventory> {
  const undelivered = await listObjects(s3, names.processedBucket, UNDELIVERED)
  return {
    records: await readRecords(dynamodb),
    events: await readEvents(kinesis),
    undelivered: await mapSome(undelivered, async ({ key }) => toUndelivered(key, await readText(s3, key))),
  }
}

async function readProcessed(s3: S3Client, Key: string) {
  const { Body, Metadata = {} } = await s3.send(new GetObjectCommand({ Bucket: names.processedBucket, Key }))
  return { bytes: (await Body?.transformToByteArray()) ?? new Uint8Array(), metadata: Metadata }
}

async function readText(s3: S3Client, key: string): Promise<string> {
  return Buffer.from((await readProcessed(s3, key)).bytes).toString()
}

/** Returns the events on the stream, shard by shard. */
export async function readEvents(kinesis: KinesisClient): Promise<FoundEvent[]> {
  const records = await readStream(kinesis, names.stream)
  return records.map(({ Data, SequenceNumber = '' }) => ({
    uploadId: idIn(Buffer.from(Data ?? []).toString()) ?? '',
    sequenceNumber: SequenceNumber,
  }))
}

/** Returns the items of uploads, without those of idempotency keys and of ended reservations. */
export async function readRecords(dynamodb: DynamoDBClient): Promise<FoundRecord[]> {
  const records: FoundRecord[] = []
  const scan = { TableName: names.uploadsTable, ConsistentRead: true }
  for await (const { Items = [] } of paginateScan({ client: dynamodb }, scan)) records.push(...Items.map(toRecord))
  return records.filter(({ owner }) => !/[#~]/.test(owner))
}

function toRecord(item: Record<string, AttributeValue>): FoundRecord {
  const attributes = unmarshall(item)
  const { owner, uploadId, status, key, filename, size, sha256, processed, failure, outboxPartition, outputs } =
    attributes
  const owed = decodeOwed(attributes).map(({ id, pending }) => ({ id, receivers: [...pending.keys()] }))
  const furtherKeys = (outputs ?? []).flatMap(({ s3 }: { s3?: { key: string } }) => (s3 ? [s3.key] : []))
  return {
    ...{ owner, uploadId, status, key, filename, size, sha256 },
    ...(processed && { processedKey: processed.key }),
    ...(furtherKeys.length > 0 && { furtherKeys }),
    ...(failure && { failureCode: failure.code }),
    isMarked: outboxPartition !== undefined && status !== 'pending',
    ...(owed.length > 0 && { owed }),
  }
}

function toLetter(key: string, text: string): FoundLetter {
  const { data, error } = JSON.parse(text) as { data: string; error: { code: string } }
  return { key, uploadId: idIn(Buffer.from(data, 'base64').toString()), code: error.code }
}

function toUndelivered(key: string, text: string): FoundUndelivered {
  const { destination, notification } = JSON.parse(text) as { destination: string; notification: { id: string } }
  return { key, receiver: destination, id: notification.id }
}

const idIn = (event: string) => (JSON.parse(event) as { uploadId?: string }).uploadId

async function listObjects(s3: S3Client, Bucket: string, Prefix = ''): Promise<FoundObject[]> {
  const found: FoundObject[] = []
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix })) {
    for (const { Key = '', Size = 0, ETag = '' } of Contents) {
      found.push({ key: Key, size: Size, etag: ETag.replaceAll('"', '') })
    }
  }
  return found
}

async function mapSome<T, R>(items: readonly T[], read: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const lane = async () => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index]
      if (item !== undefined) results[index] = await read(item)
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane))
  return results
}
