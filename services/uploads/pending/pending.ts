import { keyPrefixes } from '../../platform/resources.ts'
import { OUTBOX_PARTITIONS, outboxPartition, outboxPartitionName, type PendingUpload } from '../records/record.ts'

/**
 * How the content arrives. `put`: in one request to S3. `parts`: in requests to S3 for the parts of a multipart upload. `tus`: through
 * the api, in any number of requests.
 */
export type Arrival = PutArrival | PartsArrival | TusArrival

export interface PutArrival {
  way: 'put'
}

export interface PartsArrival {
  way: 'parts'
  multipartId: string
  /** Size of every part but the last, in bytes. */
  partBytes: number
}

export interface TusArrival {
  way: 'tus'
  /** Size of every part but the last, in bytes. Never changes, so that the number of a part decides which bytes it has. */
  partBytes: number
  /** Set from the first part on. */
  multipartId?: string
  /** ETags of the parts that S3 has, without a gap. */
  etags: string[]
  /** The bytes after the last whole part, kept as an object until the part is full. */
  tail?: { key: string; bytes: number }
  /** True if all bytes are in one object. */
  wholeObject?: true
  /** `Upload-Metadata` as the client sent it. The protocol returns it. */
  metadata?: string
  /**
   * Set if the client creates the upload before it knows its length. `deferred`: it does not know it yet, and the size of the record is 0.
   * `announced`: it has announced the length since.
   */
  length?: 'deferred' | 'announced'
}

/** A reservation, with everything that is needed to confirm or end it. */
export interface PendingRecord<A extends Arrival = Arrival> extends PendingUpload {
  arrival: A
}

/** Returns the partition of the index `outbox` that has an upload's reservation. No outbox mark is in these partitions. */
export function pendingPartition(uploadId: string): string {
  return pendingName(outboxPartition(uploadId))
}

/** All partitions of reservations. */
export const pendingPartitions: readonly string[] = Array.from({ length: OUTBOX_PARTITIONS }, (_, index) =>
  pendingName(outboxPartitionName(index)),
)

function pendingName(outboxName: string): string {
  return outboxName.replace('outbox', 'pending')
}

/** The prefix of the keys of tails. */
export const TAILS = keyPrefixes.tails

/** Returns the key of a tail: the bytes of a tus upload that do not fill a part yet. An object under this key never changes. */
export function tailKey({ owner, uploadId }: { owner: string; uploadId: string }, offset: number): string {
  return `${TAILS}${owner}/${uploadId}/${offset}`
}
