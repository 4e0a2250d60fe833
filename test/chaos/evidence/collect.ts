import { hash } from 'node:crypto'
import { type AttributeValue, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { names } from '../../../services/platform/resources.ts'
import { readStream } from '../../support/stream.ts'
import type { FoundLetter, FoundObject, FoundRecord, FoundResult, Inventory } from './inventory.ts'

export interface Sources {
  s3: S3Client
  dynamodb: DynamoDBClient
  kinesis: KinesisClient
}

const LETTERS = 'dead-letters/'
const SIDE_BY_SIDE = 16

/** Reads all evidence. */
export async function takeInventory({ s3, dynamodb, kinesis }: Sources): Promise<Inventory> {
  const processed = await listObjects(s3, names.processedBucket)
  const read = async ({ key }: FoundObject) => {
    const { Body, Metadata } = await s3.send(new GetObjectCommand({ Bucket: names.processedBucket, Key: key }))
    return { key, bytes: (await Body?.transformToByteArray()) ?? new Uint8Array(), metadata: Metadata ?? {} }
  }
  const [letters, results] = [true, false].map(kind => processed.filter(({ key }) => key.startsWith(LETTERS) === kind))
  return {
    records: await readRecords(dynamodb),
    sources: await listObjects(s3, names.uploadBucket),
    results: (await mapSome(results ?? [], read)).map(
      ({ key, bytes, metadata }): FoundResult => ({
        key,
        sha256: hash('sha256', bytes),
        uploadId: metadata['upload-id'],
      }),
    ),
    letters: (await mapSome(letters ?? [], read)).map(({ key, bytes }) => toLetter(key, Buffer.from(bytes).toString())),
    published: [...(await publishedIds(kinesis))],
  }
}

/** Returns the ids of the uploads that have an event on the stream. */
export async function publishedIds(kinesis: KinesisClient): Promise<Set<string>> {
  const events = await readStream(kinesis, names.stream)
  return new Set(events.map(({ Data }) => idIn(Buffer.from(Data ?? []).toString()) ?? ''))
}

/** Returns the items of uploads, without those of idempotency keys and of ended reservations. */
export async function readRecords(dynamodb: DynamoDBClient): Promise<FoundRecord[]> {
  const records: FoundRecord[] = []
  const scan = { TableName: names.uploadsTable, ConsistentRead: true }
  for await (const { Items = [] } of paginateScan({ client: dynamodb }, scan)) records.push(...Items.map(toRecord))
  return records.filter(({ owner }) => !/[#~]/.test(owner))
}

function toRecord(item: Record<string, AttributeValue>): FoundRecord {
  const { owner, uploadId, status, key, filename, size, sha256, processed, failure, outboxPartition, outputs } =
    unmarshall(item)
  const furtherKeys = (outputs ?? []).flatMap(({ s3 }: { s3?: { key: string } }) => (s3 ? [s3.key] : []))
  return {
    ...{ owner, uploadId, status, key, filename, size, sha256 },
    ...(processed && { processedKey: processed.key }),
    ...(furtherKeys.length > 0 && { furtherKeys }),
    ...(failure && { failureCode: failure.code }),
    isMarked: outboxPartition !== undefined && status !== 'pending',
  }
}

function toLetter(key: string, text: string): FoundLetter {
  const { data, error } = JSON.parse(text) as { data: string; error: { code: string } }
  return { key, uploadId: idIn(Buffer.from(data, 'base64').toString()), code: error.code }
}

const idIn = (event: string) => (JSON.parse(event) as { uploadId?: string }).uploadId

async function listObjects(s3: S3Client, Bucket: string): Promise<FoundObject[]> {
  const found: FoundObject[] = []
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket })) {
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
