import type { S3Client } from '@aws-sdk/client-s3'
import type { Logger } from '../platform/log.ts'
import { type BareEvent, decodeEvent, isUploadEvent, type UploadEvent } from '../uploads/event.ts'
import { processedKey } from '../uploads/keys.ts'
import type { UploadFailure } from '../uploads/record.ts'
import type { UploadKey, UploadStore } from '../uploads/store.ts'
import { traceIdOf } from '../uploads/trace.ts'
import { createAdmission } from './admission.ts'
import type { DeadLetters } from './dead-letters.ts'
import { permanentFailure } from './failure.ts'
import { checkObject } from './object-key.ts'
import { writeProcessedObject } from './processed-object.ts'
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
   *
   * @throws for transient trouble and when the signal fires: the record is not done, and nothing is marked
   */
  process(record: StreamRecord, options: { signal: AbortSignal }): Promise<void>
}

export interface ProcessorSettings {
  s3: S3Client
  store: Pick<UploadStore, 'markProcessed' | 'markFailed'>
  /** The one bucket that is read from. */
  uploadBucket: string
  processedBucket: string
  /** In the order in which they are asked. What none accepts is copied unchanged. */
  transforms?: readonly Transform[]
  deadLetters: DeadLetters
  /** Bytes that large objects may hold at a time, over all records under way. */
  largeObjectsBytes?: number
  log: Pick<Logger, 'info' | 'warn'>
}

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
  const open = createAdmission(s3, settings.largeObjectsBytes)

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

  async function giveUp(record: StreamRecord, failure: UploadFailure, told: Told): Promise<void> {
    const { event, upload } = told
    // First, so that an upload never shows as failed without the means to redrive it.
    const deadLetter = await deadLetters.write(record, failure)
    if (event && upload) await store.markFailed(upload, event, failure)
    const { shardId, sequenceNumber } = record
    log.warn(
      { shardId, sequenceNumber, uploadId: upload?.uploadId, ...requestOf(event), ...failure, deadLetter },
      'record given up',
    )
  }

  return {
    async process(record, { signal }) {
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
          const { transform, object } = await transformObject(event, source, signal)
          const recorded = upload ? await store.markProcessed(upload, event, object) : false
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
      } catch (error) {
        // Cut short, anything may look like anything: only what happened with nobody calling it off is believed.
        const failure = signal.aborted ? undefined : permanentFailure(error)
        if (!failure) throw error
        await giveUp(record, failure, told)
      }
    },
  }
}
