import type { S3Client } from '@aws-sdk/client-s3'
import type { Logger } from '../platform/log.ts'
import { type BareEvent, decodeEvent, type UploadEvent } from '../uploads/event.ts'
import { processedKey } from '../uploads/keys.ts'
import type { UploadFailure } from '../uploads/record.ts'
import type { UploadKey, UploadStore } from '../uploads/store.ts'
import type { DeadLetters } from './dead-letters.ts'
import { permanentFailure } from './failure.ts'
import { checkObject } from './object-key.ts'
import { writeProcessedObject } from './processed-object.ts'
import { describeUpload, provenance, uploadKeyOf } from './provenance.ts'
import type { StreamRecord } from './record.ts'
import { openSource, type SourceObject } from './source-object.ts'
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
  log: Pick<Logger, 'info' | 'warn'>
}

export function createProcessor(settings: ProcessorSettings): Processor {
  const { s3, store, uploadBucket, processedBucket, transforms = shippedTransforms, deadLetters, log } = settings

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

  async function giveUp(record: StreamRecord, failure: UploadFailure, upload: UploadKey | undefined): Promise<void> {
    // First, so that an upload never shows as failed without the means to redrive it.
    const deadLetter = await deadLetters.write(record, failure)
    if (upload) await store.markFailed(upload, failure)
    const { shardId, sequenceNumber } = record
    log.warn({ shardId, sequenceNumber, uploadId: upload?.uploadId, ...failure, deadLetter }, 'record given up')
  }

  return {
    async process(record, { signal }) {
      signal.throwIfAborted()
      let upload: UploadKey | undefined
      try {
        const event = decodeEvent(record.data)
        upload = uploadKeyOf(event)
        checkObject(event, uploadBucket)
        const source = await openSource(s3, event, signal)
        try {
          upload ??= uploadKeyOf(event, source)
          const { transform, object } = await transformObject(event, source, signal)
          const recorded = upload ? await store.markProcessed(upload, object) : false
          log.info({ key: event.key, uploadId: upload?.uploadId, recorded, transform, bytes: source.size }, 'processed')
        } finally {
          source.body.destroy()
        }
      } catch (error) {
        // Cut short, anything may look like anything: only what happened with nobody calling it off is believed.
        const failure = signal.aborted ? undefined : permanentFailure(error)
        if (!failure) throw error
        await giveUp(record, failure, upload)
      }
    },
  }
}
