import { createHash } from 'node:crypto'
import { EVENT_VERSION, type UploadEvent } from '../events/event.ts'

/**
 * An upload's life. `pending`: promised, its bytes on their way (see `pending.ts`). `queued`: durable in S3, recorded, and its
 * event on the stream or on the way there. `stored`: Kinesis did not take the event in time, and the record has an outbox
 * mark until the relay has published it. `processing`: a worker has been at it for a while; what is done quickly is never
 * seen so. `processed` and `failed` are where it ends.
 */
export const uploadStatuses = ['pending', 'stored', 'queued', 'processing', 'processed', 'failed'] as const

export type UploadStatus = (typeof uploadStatuses)[number]

/** Whether an upload has come to its end. A `failed` one may still be processed, once its dead letter is redriven. */
export function isFinal(status: UploadStatus): boolean {
  return status === 'processed' || status === 'failed'
}

/** An upload that was accepted. */
export interface UploadRecord {
  owner: string
  /** UUIDv7: ids of one owner sort by time. */
  uploadId: string
  status: Exclude<UploadStatus, 'pending'>
  bucket: string
  key: string
  filename: string
  /** The client gave no name, and `filename` is made up: it says nothing about the file. */
  filenameGenerated?: true
  contentType: string
  /** The type that the first bytes show, where they show one. */
  detectedType?: string
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256: string
  /** ISO 8601, UTC. */
  uploadedAt: string
  /** ISO 8601, UTC: when `status` last changed. */
  updatedAt: string
  requestId: string
  /** W3C Trace Context: the span of the request. */
  traceparent?: string
  /** The main output, where it is an object. */
  processed?: ProcessedObject
  /** All outputs, the main one among them. Not in records of before there were several. */
  outputs?: Output[]
  /** What made them. */
  transform?: TransformIdentity
  failure?: UploadFailure
}

/** An upload that is reserved and has not arrived. Its digest and its end are not known. */
export interface PendingUpload
  extends Omit<UploadRecord, 'status' | 'sha256' | 'processed' | 'outputs' | 'transform' | 'failure'> {
  status: 'pending'
  /** Size of the whole file, in bytes. The content that arrives must have it. */
  size: number
  /** Digest that the client declared, in lower-case hex. */
  sha256?: string
  /** ISO 8601, UTC: when the upload was reserved. Becomes the time of acceptance. */
  uploadedAt: string
  /** ISO 8601, UTC: when the reservation expires. */
  expiresAt: string
  processed?: never
  outputs?: never
  transform?: never
  failure?: never
}

export function isPending(record: UploadRecord | PendingUpload): record is PendingUpload {
  return record.status === 'pending'
}

/** Where an object lies. */
export interface ObjectRef {
  bucket: string
  key: string
}

export type ProcessedObject = ObjectRef

/** The name of the output that `GET /uploads/{id}/processed` gives out. */
export const MAIN_OUTPUT = 'main'

/** An output of an upload. */
export type Output = OutputDescription & OutputPlace

interface OutputDescription {
  /** `main`, or the name that the transform gave. */
  name: string
  contentType: string
  /** Bytes. */
  size: number
  /** File name for downloads, if the transform gave one. */
  filename?: string
  /** A sentence of the transform for the owner of the upload. */
  note?: string
}

/** An output is an item of the table (see `result-store.ts`), or an object. The object of the main output is in `processed`. */
type OutputPlace = { isItem: true; s3?: never } | { isItem?: never; s3?: ObjectRef }

/** An output as the api shows it. Old records lack some properties. */
export type KnownOutput = Pick<OutputDescription, 'name'> & Partial<OutputDescription> & OutputPlace

/** Returns all outputs of an upload, each with its place. */
export function outputsOf({ processed, outputs }: Pick<UploadRecord, 'processed' | 'outputs'>): KnownOutput[] {
  const known: KnownOutput[] = outputs ?? (processed ? [{ name: MAIN_OUTPUT }] : [])
  return known.map(output =>
    output.name === MAIN_OUTPUT && processed && !output.isItem ? { ...output, s3: processed } : output,
  )
}

export interface TransformIdentity {
  name: string
  version: string
}

/** What came of an upload's processing. */
export interface ProcessingResult {
  outputs: Output[]
  transform: TransformIdentity
}

/** Why an upload ended as `failed`: a stable code for programs, a sentence for people. */
export interface UploadFailure {
  code: string
  reason: string
}

/**
 * What stays of an upload that its owner has deleted. Nobody is shown it: it is there so that a worker that meets the event of
 * the upload knows, and so that a deletion that broke off is finished.
 */
export interface DeletedUpload {
  owner: string
  uploadId: string
  status: 'deleted'
  /** What may still lie in S3 of it. Empty once the deletion is finished. */
  objects: ObjectRef[]
}

/** What has a mark in the outbox: an upload whose event is to be published, or one whose deletion is to be finished. */
export type OutboxEntry = UploadRecord | DeletedUpload

/** Over how many partitions the outbox index is spread. One takes 1,000 writes a second, and an upload makes two. */
export const OUTBOX_PARTITIONS = 16

/** The partition of the outbox that an upload's mark is in: any, but always the same one. */
export function outboxPartition(uploadId: string): string {
  const [byte = 0] = createHash('md5').update(uploadId).digest()
  return outboxPartitionName(byte % OUTBOX_PARTITIONS)
}

export function outboxPartitionName(index: number): string {
  return `outbox-${index}`
}

/** The event of an upload. A function of its record alone, so that the relay publishes what the api would have. */
export function eventOf(record: UploadRecord): UploadEvent {
  return {
    version: EVENT_VERSION,
    bucket: record.bucket,
    key: record.key,
    uploadId: record.uploadId,
    userSub: record.owner,
    filename: record.filename,
    ...(record.filenameGenerated && { filenameGenerated: true }),
    contentType: record.contentType,
    ...(record.detectedType !== undefined && { detectedType: record.detectedType }),
    size: record.size,
    sha256: record.sha256,
    uploadedAt: record.uploadedAt,
    requestId: record.requestId,
    ...(record.traceparent !== undefined && { traceparent: record.traceparent }),
  }
}
