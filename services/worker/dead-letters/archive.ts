import { DeleteObjectCommand, GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { listObjects } from '../../platform/s3/list-objects.ts'
import { type DeadLetter, deadLetterId, deadLetterPrefix, decodeDeadLetter, type Redriven } from './dead-letter.ts'
import { inLanes } from './in-lanes.ts'

/** The object under the key of a dead letter. */
export interface ArchivedLetter {
  key: string
  id: string
  /** Undefined if this version can't read the object. */
  letter: DeadLetter | undefined
}

export interface LetterQuery {
  shardId?: string | undefined
  /** Failed at this time or later. */
  since?: Date | undefined
  /** Failed before this time. */
  until?: Date | undefined
  /** `error.code` */
  reason?: string | undefined
  uploadId?: string | undefined
  owner?: string | undefined
  /** Whether its record was put on the stream again. Omitted: both. */
  redriven?: boolean | undefined
}

/** Lists, reads, marks and removes the dead letters of a stream. */
export interface DeadLetterArchive {
  /** Lists matching dead letters by shard and sequence number. Unreadable ones are listed if the query names at most a shard. */
  list(query: LetterQuery): AsyncGenerator<ArchivedLetter>
  get(key: string): Promise<ArchivedLetter | undefined>
  /** Records in the dead letter that its record is on the stream again. */
  markRedriven(letter: DeadLetter, key: string, redriven: Redriven): Promise<void>
  /** Deletes a dead letter. To delete it again is no error. */
  remove(key: string): Promise<void>
}

export interface ArchiveSettings {
  s3: S3Client
  bucket: string
  stream: string
}

const READS_AT_ONCE = 16

/** Maximum size of a dead letter, in bytes: a record of 10 MiB in base64, and its other properties. */
const MAX_LETTER_BYTES = 16 * 1024 ** 2

/** The clocks of S3 and of a worker may differ. A dead letter is never older than its failure. */
const CLOCK_SKEW_MS = 3_600_000

export function createDeadLetterArchive({ s3, bucket, stream }: ArchiveSettings): DeadLetterArchive {
  async function* keys({ shardId, since }: LetterQuery): AsyncGenerator<{ key: string; id: string; bytes: number }> {
    const notBefore = (since?.getTime() ?? 0) - CLOCK_SKEW_MS
    const listing = { Bucket: bucket, Prefix: deadLetterPrefix(stream, shardId) }
    for await (const Contents of listObjects(s3, listing)) {
      for (const { Key: key = '', Size: bytes = 0, LastModified } of Contents) {
        const id = deadLetterId(stream, key)
        // Keys of other streams have no id in this stream.
        if (id !== undefined && (LastModified?.getTime() ?? Infinity) >= notBefore) yield { key, id, bytes }
      }
    }
  }

  async function read(key: string): Promise<DeadLetter | undefined> {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
    return decodeDeadLetter((await Body?.transformToString()) ?? '')
  }

  async function readListed({ key, id, bytes }: { key: string; id: string; bytes: number }) {
    try {
      return { key, id, letter: bytes > MAX_LETTER_BYTES ? undefined : await read(key) }
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined // It was discarded after it was listed.
      throw error
    }
  }

  return {
    async *list(query) {
      for await (const found of inLanes(keys(query), { concurrency: READS_AT_ONCE }, readListed)) {
        if (found && isMeant(found.letter, query)) yield found
      }
    },

    async get(key) {
      try {
        return { key, id: deadLetterId(stream, key) ?? key, letter: await read(key) }
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined
        throw error
      }
    },

    async markRedriven(letter, key, redriven) {
      const Body = JSON.stringify({ ...letter, redriven } satisfies DeadLetter)
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body, ContentType: 'application/json' }))
    },

    async remove(key) {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
    },
  }
}

/** Returns true if a dead letter matches a query. An unreadable one matches if the query asks nothing about its contents. */
export function isMeant(letter: DeadLetter | undefined, query: LetterQuery): boolean {
  const { since, until, reason, uploadId, owner, redriven } = query
  if (!letter) return [since, until, reason, uploadId, owner].every(asked => asked === undefined) && redriven !== true
  const failedAt = Date.parse(letter.failedAt)
  return (
    (since === undefined || failedAt >= since.getTime()) &&
    (until === undefined || failedAt < until.getTime()) &&
    (reason === undefined || letter.error.code === reason) &&
    (uploadId === undefined || letter.upload?.uploadId === uploadId) &&
    (owner === undefined || letter.upload?.owner === owner) &&
    (redriven === undefined || (letter.redriven !== undefined) === redriven)
  )
}
