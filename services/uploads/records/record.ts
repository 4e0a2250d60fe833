import { createHash } from 'node:crypto'
import { EVENT_VERSION, type UploadEvent } from '../events/event.ts'
import type { Quota } from '../quotas/quota-store.ts'
import { MAIN_OUTPUT } from './output-names.ts'
import type { Trail } from './trail.ts'

/**
 * The life of an upload. `pending`: reserved, and its content is still being sent (see `pending.ts`). `queued`: durable in S3, recorded,
 * and its event is on the stream or being published. `stored`: Kinesis did not accept the event in time, and the record has an outbox
 * mark until the relay has published the event. `scanning`: the scan for malware takes a while. `processing`: a worker has been
 * processing it for more than a second. `processed`, `failed` and `quarantined` are final.
 */
export const uploadStatuses = [
  'pending',
  'stored',
  'queued',
  'scanning',
  'processing',
  'processed',
  'failed',
  'quarantined',
] as const

export type UploadStatus = (typeof uploadStatuses)[number]

/**
 * Returns true for a final status. A `failed` upload may still be processed when its dead letter is redriven, and a `quarantined` one when
 * an operator releases it.
 */
export function isFinal(status: UploadStatus): boolean {
  return status === 'processed' || status === 'failed' || status === 'quarantined'
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
  /** True if the client gave no name. The generated `filename` says nothing about the file. */
  filenameGenerated?: true
  contentType: string
  /** The type that the first bytes show, if they show one. */
  detectedType?: string
  /** What the client says about its file, by names of its own. */
  metadata?: Readonly<Record<string, string>>
  /** Bytes. */
  size: number
  /** Lower-case hex. Missing until a worker has read the object, if it was not known when the upload was accepted. */
  sha256?: string
  /** The digest that the client announced, in lower-case hex. Only while nobody has compared the object with it. */
  announcedSha256?: string
  /** ISO 8601, UTC. */
  uploadedAt: string
  /** ISO 8601, UTC: when `status` last changed. */
  updatedAt: string
  requestId: string
  /** W3C Trace Context: the span of the request. */
  traceparent?: string
  /** The main output, if it is an object. */
  processed?: ProcessedObject
  /** All outputs, including the main one. Missing in old records. */
  outputs?: Output[]
  /** The transform that wrote the outputs. */
  transform?: TransformIdentity
  failure?: UploadFailure
  /** What the scan for malware found. Missing if the worker has no scanner, and before the upload has ended. */
  scan?: ScanReport
  /** How the worker got to the final status. Missing in old records. */
  trail?: Trail
  /** ISO 8601, UTC: when an operator last put the event on the stream again. Only operators see it. */
  redrivenAt?: string
}

/** The limits of the rule of UPLOAD_POLICIES under which an upload was reserved. They hold until the upload is accepted or ends. */
export interface ReservedLimits {
  /** The name of the rule. */
  rule: string
  /** Maximum size of the file, in bytes. */
  maxBytes: number
  /** Patterns such as `image/*`. Empty: every type. */
  allowedTypes: readonly string[]
  quota?: Quota
}

/** An upload that is reserved and has not arrived. Its digest and its end are not known. */
export interface PendingUpload
  extends Omit<
    UploadRecord,
    'status' | 'announcedSha256' | 'processed' | 'outputs' | 'transform' | 'failure' | 'scan' | 'trail'
  > {
  status: 'pending'
  /** Size of the whole file, in bytes. The content that arrives must have it. */
  size: number
  /** The digest that the client announced, in lower-case hex. */
  sha256?: string
  /** ISO 8601, UTC: when the upload was reserved. Becomes the time of acceptance. */
  uploadedAt: string
  /** ISO 8601, UTC: when the reservation expires. */
  expiresAt: string
  /** The day whose quota was charged, as `2026-12-01`. Missing if no quota was. */
  quotaDay?: string
  /** Missing if no rule decided. */
  limits?: ReservedLimits
  processed?: never
  outputs?: never
  transform?: never
  failure?: never
  scan?: never
  trail?: never
  announcedSha256?: never
}

export function isPending(record: UploadRecord | PendingUpload): record is PendingUpload {
  return record.status === 'pending'
}

/** The place of an object in S3. */
export interface ObjectRef {
  bucket: string
  key: string
}

export type ProcessedObject = ObjectRef

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

/** The result of processing an upload. */
export interface ProcessingResult extends Findings {
  outputs: Output[]
  transform: TransformIdentity
}

/** What a worker found out about the object of an upload. */
export interface Findings {
  /** Missing without a scanner. */
  scan?: ScanReport | undefined
  /** The digest of the object, in lower-case hex, if it was not known before. */
  sha256?: string | undefined
}

/** The programs that scan uploads for malware. */
export type ScannerName = 'clamd' | 'guardduty'

/** What the scan of an upload for malware found. */
export interface ScanReport {
  scanner: ScannerName
  /** `released`: an operator released the infected file. It is not scanned again. */
  verdict: 'clean' | 'infected' | 'released'
  /** The name of the malware. Missing for a clean file. */
  signature?: string
  /** ISO 8601, UTC: when the verdict was known. */
  at: string
  /** The ETag of the object that was scanned, without quotes. Missing for a clean file. */
  etag?: string
  /** Who released the file, as the operator's command named them. Clients do not see it. */
  releasedBy?: string
  /** ISO 8601, UTC. */
  releasedAt?: string
}

/** Why an upload ended as `failed`: a stable code for programs, a sentence for people. */
export interface UploadFailure {
  code: string
  reason: string
}

/**
 * The record of an upload that its owner has deleted. No client sees it. It tells a worker that gets the upload's event, and lets the
 * relay finish a deletion that was interrupted.
 */
export interface DeletedUpload {
  owner: string
  uploadId: string
  status: 'deleted'
  /** Objects that may still be in S3. Empty once the deletion is finished. */
  objects: ObjectRef[]
}

/** A record with an outbox mark: an upload whose event must be published, or one whose deletion must be finished. */
export type OutboxEntry = UploadRecord | DeletedUpload

/** Number of partitions of the outbox index. A partition allows 1,000 writes a second, and an upload makes two. */
export const OUTBOX_PARTITIONS = 16

/** Returns the partition of an upload's outbox mark. It depends only on the id. */
export function outboxPartition(uploadId: string): string {
  return outboxPartitionName(outboxPartitionNumber(uploadId))
}

export function outboxPartitionNumber(uploadId: string): number {
  const [byte = 0] = createHash('md5').update(uploadId).digest()
  return byte % OUTBOX_PARTITIONS
}

export function outboxPartitionName(index: number): string {
  return `outbox-${index}`
}

/** Returns the event of an upload. It depends only on the record, so that the relay publishes the same event as the api. */
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
    ...(record.metadata && { metadata: record.metadata }),
    size: record.size,
    ...(record.sha256 !== undefined && { sha256: record.sha256 }),
    ...(record.announcedSha256 !== undefined && { announcedSha256: record.announcedSha256 }),
    uploadedAt: record.uploadedAt,
    requestId: record.requestId,
    ...(record.traceparent !== undefined && { traceparent: record.traceparent }),
  }
}
