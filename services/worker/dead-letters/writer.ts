import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { UploadFailure } from '../../uploads/records/record.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { causesOf } from '../processing/failure.ts'
import type { StreamRecord } from '../stream-record.ts'
import { DEAD_LETTER_VERSION, type DeadLetter, deadLetterKey } from './dead-letter.ts'

export interface DeadLetters {
  /**
   * Stores a record as a dead letter. Resolves to its key once it is durable; a second time overwrites the first.
   *
   * @param told the upload that it is of, and the error behind the failure, where they are known
   * @throws what S3 says: the record must not count as done then
   */
  write(
    record: StreamRecord,
    failure: UploadFailure,
    told?: { upload?: UploadKey | undefined; error?: unknown },
  ): Promise<string>
  /** Takes one back, by the key that `write` gave. Doing it again is no error. */
  remove(key: string): Promise<void>
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
    async write({ data, ...record }, failure, { upload, error } = {}) {
      const causes = causesOf(error)
      const letter: DeadLetter = {
        version: DEAD_LETTER_VERSION,
        stream,
        shardId: record.shardId,
        sequenceNumber: record.sequenceNumber,
        ...(record.subSequenceNumber ? { subSequenceNumber: record.subSequenceNumber } : {}),
        partitionKey: record.partitionKey,
        data: Buffer.from(data).toString('base64'),
        error: { ...failure, ...(causes.length > 0 && { causes }) },
        failedAt: now().toISOString(),
        ...(upload && { upload }),
      }
      const Key = deadLetterKey(stream, record)
      const Body = JSON.stringify(letter)
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType: 'application/json' }))
      onWritten?.()
      return Key
    },

    async remove(Key) {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }))
    },
  }
}
