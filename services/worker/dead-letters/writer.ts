import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { DeadLetters } from '../processing/processor.ts'
import { DEAD_LETTER_VERSION, type DeadLetter, deadLetterKey } from './dead-letter.ts'

export interface DeadLettersSettings {
  s3: S3Client
  bucket: string
  stream: string
  /** Called after each dead letter is stored. */
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
        ...(record.partitionKey !== undefined && { partitionKey: record.partitionKey }),
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

/** Maximum number of recorded causes. A chain of causes can be circular. */
const MAX_CAUSES = 5
/** Maximum length of a recorded cause, in UTF-16 units. */
const MAX_CAUSE = 1_000

/** Returns the messages of the causes of an error, outermost first. They are for the operator and may say more than the reason does. */
function causesOf(error: unknown): string[] {
  const causes: string[] = []
  let cause = error instanceof Error ? error.cause : undefined
  for (; cause !== undefined && causes.length < MAX_CAUSES; cause = cause instanceof Error ? cause.cause : undefined) {
    const text = cause instanceof Error ? [cause.name, cause.message].filter(Boolean).join(': ') : String(cause)
    causes.push(text.slice(0, MAX_CAUSE).toWellFormed())
  }
  return causes
}
