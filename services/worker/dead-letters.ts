import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { keyPrefixes } from '../platform/resources.ts'
import type { UploadFailure } from '../uploads/record.ts'
import type { StreamRecord } from './record.ts'

export const DEAD_LETTER_VERSION = 1

/** A record that was passed over: all of it, why, and where it came from. What a redrive needs, and a person. */
export interface DeadLetter {
  version: typeof DEAD_LETTER_VERSION
  stream: string
  shardId: string
  sequenceNumber: string
  /** Left out or 0 in a plain record. */
  subSequenceNumber?: number
  partitionKey: string
  /** The record's data, base64. */
  data: string
  error: UploadFailure
  /** ISO 8601, UTC. */
  failedAt: string
}

export interface DeadLetters {
  /**
   * Stores a record as a dead letter. Resolves to its key once it is durable; a second time overwrites the first.
   *
   * @throws what S3 says: the record must not count as done then
   */
  write(record: StreamRecord, failure: UploadFailure): Promise<string>
}

export interface DeadLettersSettings {
  s3: S3Client
  bucket: string
  stream: string
  /** Told of each once it is durable. */
  onWritten?: () => void
  now?: () => Date
}

export function createDeadLetters(settings: DeadLettersSettings): DeadLetters {
  const { s3, bucket, stream, onWritten, now = () => new Date() } = settings
  return {
    async write({ data, ...record }, error) {
      const letter: DeadLetter = {
        version: DEAD_LETTER_VERSION,
        stream,
        shardId: record.shardId,
        sequenceNumber: record.sequenceNumber,
        ...(record.subSequenceNumber ? { subSequenceNumber: record.subSequenceNumber } : {}),
        partitionKey: record.partitionKey,
        data: Buffer.from(data).toString('base64'),
        error,
        failedAt: now().toISOString(),
      }
      const Key = deadLetterKey(stream, record)
      const Body = JSON.stringify(letter)
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType: 'application/json' }))
      onWritten?.()
      return Key
    },
  }
}

/** Where a record's dead letter lies. The records of an aggregate share a sequence number: their place in it tells them apart. */
export function deadLetterKey(stream: string, record: Omit<StreamRecord, 'data' | 'partitionKey'>): string {
  const place = record.subSequenceNumber ? `-${record.subSequenceNumber}` : ''
  return `${keyPrefixes.deadLetters}${stream}/${record.shardId}/${record.sequenceNumber}${place}.json`
}
