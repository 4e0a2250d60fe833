import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import type { Test } from 'tap'
import type { EmbeddedAwsSettings } from '../../services/local/embedded-aws.ts'
import { names } from '../../services/platform/resources.ts'
import { encodeEvent, type UploadEvent } from '../../services/uploads/events/event.ts'
import { toObjectMetadata } from '../../services/uploads/objects/metadata.ts'
import { createRemoveObject } from '../../services/uploads/objects/remove-object.ts'
import { createRemoveOutputs, type RemoveOutputs } from '../../services/uploads/objects/remove-outputs.ts'
import { createResultStore, type ResultStore } from '../../services/uploads/objects/result-store.ts'
import { createDeletions, type Deletions } from '../../services/uploads/records/deletions.ts'
import { eventOf, type UploadRecord } from '../../services/uploads/records/record.ts'
import { createUploadStore, type UploadStore } from '../../services/uploads/records/store.ts'
import { createDeadLetters } from '../../services/worker/dead-letters/writer.ts'
import { createAttemptStore } from '../../services/worker/processing/attempts/attempt-store.ts'
import { createProcessor, type Processor, type ProcessorSettings } from '../../services/worker/processing/processor.ts'
import type { StreamRecord } from '../../services/worker/stream-record.ts'
import { loadDefaultRules, ruleOf } from '../../services/worker/transforms/rules/rules.ts'
import type { Transform } from '../../services/worker/transforms/transform.ts'
import { startAws, type TestAws } from '../support/aws.ts'
import { createMemoryLog, type MemoryLog } from './memory-log.ts'

const { uploadBucket, processedBucket, stream, uploadsTable } = names

export interface Pipeline extends MemoryLog {
  aws: TestAws
  store: UploadStore
  deletions: Deletions
  results: ResultStore
  removeOutputs: RemoveOutputs
  /** Creates a processor on the embedded AWS, with changed settings if given. */
  processor(settings?: Partial<ProcessorSettings> & { transforms?: readonly Transform[] }): Processor
  /** Stores an object and its record, as the api does, and returns the record. */
  upload(content: string | Uint8Array, change?: Partial<UploadRecord>): Promise<UploadRecord>
  /** Reads the processed object or dead letter of a key. */
  read(key: string): Promise<{ text: string; contentType: string | undefined; metadata: Record<string, string> }>
  /** Lists all keys in the bucket of processed objects. */
  keys(): Promise<string[]>
}

/** Starts the embedded AWS with everything that a processor needs, until the test ends. */
export async function startPipeline(t: Pick<Test, 'teardown'>, settings: EmbeddedAwsSettings = {}): Promise<Pipeline> {
  const aws = await startAws(t, settings)
  const { s3 } = aws
  const store = createUploadStore({ dynamodb: aws.dynamodb, table: uploadsTable })
  const records = { dynamodb: aws.dynamodb, table: uploadsTable }
  const results = createResultStore(records)
  const removeOutputs = createRemoveOutputs(s3, results)
  const deletions = createDeletions({ ...records, removeObject: createRemoveObject(s3), removeOutputs })
  const rules = await loadDefaultRules(transform => transform)
  const memory = createMemoryLog()
  return {
    aws,
    store,
    deletions,
    results,
    removeOutputs,
    ...memory,
    processor: ({ transforms, ...settings } = {}) =>
      createProcessor({
        s3,
        store,
        deletions,
        uploadBucket,
        processedBucket,
        rules: transforms?.map(ruleOf) ?? rules,
        results,
        removeOutputs,
        deadLetters: createDeadLetters({ s3, bucket: processedBucket, stream }),
        attempts: createAttemptStore({ ...records, stream }),
        log: memory.log,
        ...settings,
      }),
    async upload(content, change) {
      const record = uploadRecord(change)
      await putUpload(s3, record, content)
      await store.create(record)
      return record
    },
    async read(Key) {
      const { Body, ContentType, Metadata } = await s3.send(new GetObjectCommand({ Bucket: processedBucket, Key }))
      return { text: (await Body?.transformToString()) ?? '', contentType: ContentType, metadata: Metadata ?? {} }
    },
    async keys() {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: processedBucket }))
      return Contents.map(({ Key }) => Key ?? '')
    },
  }
}

/** Returns a complete upload record with new ids. */
export function uploadRecord(change: Partial<UploadRecord> = {}): UploadRecord {
  const { owner = 'owner-1', uploadId = crypto.randomUUID(), filename = 'demo.txt' } = change
  const uploadedAt = new Date().toISOString()
  return {
    owner,
    uploadId,
    status: 'stored',
    bucket: uploadBucket,
    key: `uploads/${owner}/${uploadId}/${filename}`,
    filename,
    contentType: 'text/plain',
    size: 13,
    sha256: 'ab'.repeat(32),
    uploadedAt,
    updatedAt: uploadedAt,
    requestId: 'request-1',
    ...change,
  }
}

export async function putUpload(s3: S3Client, record: UploadRecord, content: string | Uint8Array): Promise<void> {
  await s3.send(
    new PutObjectCommand({
      Bucket: record.bucket,
      Key: record.key,
      Body: Buffer.from(content),
      ContentType: record.contentType,
      Metadata: toObjectMetadata(record),
    }),
  )
}

export async function exists(s3: S3Client, Key: string): Promise<boolean> {
  try {
    await s3.send(new HeadObjectCommand({ Bucket: processedBucket, Key }))
    return true
  } catch (error) {
    if (error instanceof Error && error.name === 'NotFound') return false
    throw error
  }
}

let sequence = 0n

/** Creates a record of the stream. Its data is a string, the event of an upload, or other data as JSON. */
export function streamRecord(content: string | UploadRecord | { bucket: string; key: string }): StreamRecord {
  sequence++
  return {
    data: encode(content),
    partitionKey: 'key-1',
    sequenceNumber: String(49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898n + sequence),
    shardId: 'shardId-000000000001',
  }
}

function encode(content: string | UploadRecord | { bucket: string; key: string }): Uint8Array {
  if (typeof content === 'string') return Buffer.from(content)
  if ('uploadId' in content) return encodeEvent(eventOf(content) satisfies UploadEvent)
  return Buffer.from(JSON.stringify(content))
}

/** Returns the expected key of a record's dead letter. */
export function deadLetterOf(record: StreamRecord): string {
  return `dead-letters/${stream}/${record.shardId}/${record.sequenceNumber}.json`
}

/** Options with a signal that never aborts. */
export const going: { signal: AbortSignal } = { signal: new AbortController().signal }
