import { keyPrefixes } from '../../platform/resources.ts'
import { OUTBOX_PARTITIONS, outboxPartition, outboxPartitionName, type PendingUpload } from '../records/record.ts'

/**
 * How the bytes arrive. `put`: in one request to S3. `parts`: in requests to S3, each for a part of a multipart upload.
 * `tus`: through the api, in as many requests as it takes.
 */
export type Arrival = PutArrival | PartsArrival | TusArrival

export interface PutArrival {
  way: 'put'
}

export interface PartsArrival {
  way: 'parts'
  multipartId: string
  /** Of every part but the last, in bytes. */
  partBytes: number
}

export interface TusArrival {
  way: 'tus'
  /** Of every part but the last, in bytes. Never changes: what a part holds follows from its number alone. */
  partBytes: number
  /** From the first part on. */
  multipartId?: string
  /** Of the parts that S3 has, without a gap. */
  etags: string[]
  /** The bytes after the last whole part, kept as an object until the part is full. */
  tail?: { key: string; bytes: number }
  /** All bytes are there as an object, in bytes. */
  wholeObject?: true
  /** `Upload-Metadata` as it came: the protocol gives it back. */
  metadata?: string
}

/** A promise with all that is needed to keep it, or to end it. */
export interface PendingRecord<A extends Arrival = Arrival> extends PendingUpload {
  arrival: A
}

/** The partition of the index in which promises wait for their end. Beside those of the outbox, and never one of them. */
export function pendingPartition(uploadId: string): string {
  return pendingName(outboxPartition(uploadId))
}

/** All of them. */
export const pendingPartitions: readonly string[] = Array.from({ length: OUTBOX_PARTITIONS }, (_, index) =>
  pendingName(outboxPartitionName(index)),
)

function pendingName(outboxName: string): string {
  return outboxName.replace('outbox', 'pending')
}

/** What the keys of such bytes begin with. */
export const TAILS = keyPrefixes.tails

/** Where the bytes of a tus upload lie that do not fill a part yet. A name is written with the same bytes only. */
export function tailKey({ owner, uploadId }: { owner: string; uploadId: string }, offset: number): string {
  return `${TAILS}${owner}/${uploadId}/${offset}`
}
