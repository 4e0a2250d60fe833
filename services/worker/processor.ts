import type { S3Client } from '@aws-sdk/client-s3'
import type { Logger } from '../platform/log.ts'
import type { Deletions } from '../uploads/deletions.ts'
import { type BareEvent, decodeEvent, isUploadEvent, type UploadEvent } from '../uploads/event.ts'
import { processedKey } from '../uploads/keys.ts'
import type { UploadFailure } from '../uploads/record.ts'
import { createRemoveObject } from '../uploads/remove-object.ts'
import type { UploadKey, UploadStore } from '../uploads/store.ts'
import { traceIdOf } from '../uploads/trace.ts'
import { createAdmission } from './admission.ts'
import type { DeadLetters } from './dead-letters.ts'
import { permanentFailure } from './failure.ts'
import { checkObject } from './object-key.ts'
import { orOverdue } from './overdue.ts'
import { writeProcessedObject } from './processed-object.ts'
import { createWhileMarked } from './processing-mark.ts'
import { checkOwnObject, describeUpload, provenance, uploadKeyOf } from './provenance.ts'
import type { StreamRecord } from './record.ts'
import type { SourceObject } from './source-object.ts'
import { copy } from './transforms/copy.ts'
import { pickTransform, shippedTransforms } from './transforms/registry.ts'
import type { Transform } from './transforms/transform.ts'

export interface Processor {
  /**
   * Makes the processed object of the upload that a record's event names, and marks the upload `processed`. Doing it again
   * gives the same. What no retry mends is marked `failed` and kept as a dead letter, and resolves too: the record is done.
   * So is that of an upload whose owner has deleted it: nothing is made of it, and nothing stays.
   *
   * @throws for transient trouble and when the signal fires: the record is not done, and nothing is marked
   */
  process(record: StreamRecord, options: ProcessOptions): Promise<void>
}

export interface ProcessOptions {
  signal: AbortSignal
  /** 1, or left out, for the first try of this record by this process. */
  attempt?: number
}

export interface ProcessorSettings {
  s3: S3Client
  store: Pick<UploadStore, 'markProcessing' | 'markProcessed' | 'markFailed'>
  deletions: Pick<Deletions, 'has'>
  /** The one bucket that is read from. */
  uploadBucket: string
  processedBucket: string
  /** In the order in which they are asked. What none accepts is copied unchanged. */
  transforms?: readonly Transform[]
  deadLetters: DeadLetters
  /** Bytes that large objects may hold at a time, over all records under way. */
  largeObjectsBytes?: number
  /** How old a record may be that still fails before it is given up, in milliseconds. Left out: it never is for its age. */
  giveUpAfterMs?: number
  /** How long an upload is processed before it shows as `processing`, in milliseconds. */
  markProcessingAfterMs?: number
  log: Pick<Logger, 'info' | 'warn'>
}

/** Tiny uploads are done in less, and cost one write of their record here; the others cost two. */
const MARK_PROCESSING_AFTER_MS = 1_000

/** What is known of a record so far. */
interface Told {
  event?: UploadEvent | BareEvent
  upload?: UploadKey | undefined
}

/** The request that an event comes from, as the api's own lines name it. */
function requestOf(event: UploadEvent | BareEvent | undefined): { requestId?: string; traceId?: string } {
  if (!event || !isUploadEvent(event)) return {}
  const traceId = traceIdOf(event.traceparent)
  return { requestId: event.requestId, ...(traceId !== undefined && { traceId }) }
}

export function createProcessor(settings: ProcessorSettings): Processor {
  const { s3, store, uploadBucket, processedBucket, transforms = shippedTransforms, deadLetters, log } = settings
  const {
    deletions,
    giveUpAfterMs = Number.POSITIVE_INFINITY,
    markProcessingAfterMs: afterMs = MARK_PROCESSING_AFTER_MS,
  } = settings
  const open = createAdmission(s3, settings.largeObjectsBytes)
  const whileMarked = createWhileMarked({ store, afterMs, log })
  const removeObject = createRemoveObject(s3)

  async function transformObject(event: UploadEvent | BareEvent, source: SourceObject, signal: AbortSignal) {
    const upload = describeUpload(event, source)
    // What is encoded, gzip for instance, is not what its content type says until somebody decodes it.
    const transform = source.contentEncoding === undefined ? pickTransform(transforms, upload) : copy
    const output = transform.apply(source.body, { upload, signal })
    const Key = processedKey(event.key)
    await writeProcessedObject(s3, {
      Bucket: processedBucket,
      Key,
      ContentType: output.contentType,
      ...(source.contentEncoding === undefined ? {} : { ContentEncoding: source.contentEncoding }),
      Metadata: provenance(event, source, transform),
      body: output.body,
      inputBytes: source.size,
      signal,
    })
    return { transform: transform.name, object: { bucket: processedBucket, key: Key } }
  }

  /**
   * Whether the owner has deleted the upload. Its processed object is removed then: whoever wrote it, this time or before a
   * crash, comes by here, since the record is not done before.
   */
  async function isDeleted({ event, upload }: Told): Promise<boolean> {
    if (!event || !upload || !(await deletions.has(upload, event))) return false
    await removeObject({ bucket: processedBucket, key: processedKey(event.key) }, upload.uploadId)
    log.info({ key: event.key, uploadId: upload.uploadId }, 'deleted by its owner: nothing is made of it')
    return true
  }

  async function giveUp(record: StreamRecord, failure: UploadFailure, told: Told & { error: unknown }): Promise<void> {
    if (await isDeleted(told)) return
    const { event, upload, error } = told
    // First, so that an upload never shows as failed without the means to redrive it.
    const deadLetter = await deadLetters.write(record, failure, { upload, error })
    if (event && upload) await store.markFailed(upload, event, failure)
    const { shardId, sequenceNumber } = record
    log.warn(
      { shardId, sequenceNumber, uploadId: upload?.uploadId, ...requestOf(event), ...failure, deadLetter },
      'record given up',
    )
  }

  return {
    async process(record, { signal, attempt = 1 }) {
      signal.throwIfAborted()
      const told: Told = {}
      try {
        const event = decodeEvent(record.data)
        told.event = event
        told.upload = uploadKeyOf(event)
        checkObject(event, uploadBucket)
        const { source, close } = await open(event, signal)
        try {
          checkOwnObject(event, source)
          const upload = told.upload ?? uploadKeyOf(event, source)
          told.upload = upload
          const { transform, object } = await whileMarked(upload, event, () => transformObject(event, source, signal))
          const recorded = upload ? await store.markProcessed(upload, event, object) : false
          if (!recorded && (await isDeleted(told))) return
          log.info(
            {
              key: event.key,
              uploadId: upload?.uploadId,
              ...requestOf(event),
              recorded,
              transform,
              bytes: source.size,
            },
            'processed',
          )
        } finally {
          close()
        }
      } catch (thrown) {
        const error = orOverdue(thrown, record, attempt, { giveUpAfterMs, now: Date.now })
        // Cut short, anything may look like anything: only what happened with nobody calling it off is believed.
        const failure = signal.aborted ? undefined : permanentFailure(error)
        if (!failure) throw thrown
        await giveUp(record, failure, { ...told, error })
      }
    },
  }
}
