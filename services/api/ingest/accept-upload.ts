import { v7 as uuidv7 } from 'uuid'
import type { Logger } from '../../platform/log.ts'
import { checkFilename, defaultFilename } from '../../uploads/filename.ts'
import { uploadKey } from '../../uploads/keys.ts'
import { toObjectMetadata } from '../../uploads/metadata.ts'
import type { EventPublisher } from '../../uploads/publisher.ts'
import { eventOf, type UploadRecord } from '../../uploads/record.ts'
import type { UploadStore } from '../../uploads/store.ts'
import { checkContentType } from './content-type.ts'
import { PayloadTooLargeError } from './errors.ts'
import { createMeter, metered } from './meter.ts'
import type { Body, Objects } from './objects.ts'
import { createRecordUpload } from './record-upload.ts'

/** An upload as it arrives, by whatever way. */
export interface IncomingUpload {
  owner: string
  /** Left out, the upload is named by the time. */
  filename?: string | undefined
  contentType: string
  /** When it fails, it fails with the error that the client is to see, and nothing of the upload stays. */
  body: Body
  /** The size that the client has said, in bytes, if it has: no more than that will come. */
  declaredBytes?: number | undefined
  requestId: string
  log: Pick<Logger, 'warn' | 'error'>
}

/** Resolves once the upload is durable and recorded: `queued` where its event is on the stream, else `stored`. */
export type AcceptUpload = (upload: IncomingUpload) => Promise<UploadRecord>

export interface AcceptUploadSettings {
  objects: Objects
  store: UploadStore
  publisher: EventPublisher
  keyTemplate: string
  /** Bytes. */
  maxBytes: number
  now?: () => Date
  newId?: () => string
}

/**
 * The way of an upload through the api: object, record, event, in this order. A crash after any step leaves nothing that
 * was promised undone: an object without a record was never accepted, and a record without an event has its outbox mark.
 */
export function createAcceptUpload(settings: AcceptUploadSettings): AcceptUpload {
  const { objects, store, publisher, keyTemplate, maxBytes, now = () => new Date(), newId = uuidv7 } = settings
  const record = createRecordUpload({ store, objects, hasOwnKey: keyTemplate.includes('{uploadId}') })

  /** @throws InvalidFilenameError, InvalidContentTypeError, PayloadTooLargeError before anything is read or written */
  function plan({ owner, filename, contentType, declaredBytes }: IncomingUpload) {
    if (declaredBytes !== undefined && declaredBytes > maxBytes) throw new PayloadTooLargeError('The file', maxBytes)
    const name = checkFilename(filename ?? defaultFilename(now().getTime()))
    const uploadId = newId()
    const key = uploadKey(keyTemplate, { owner, uploadId, filename: name })
    return { owner, uploadId, key, filename: name, contentType: checkContentType(contentType) }
  }

  async function put({ key, contentType, ...names }: ReturnType<typeof plan>, upload: IncomingUpload) {
    const meter = createMeter(maxBytes)
    const { body } = upload
    const isWhole = body instanceof Uint8Array
    if (isWhole) meter.take(body)
    await objects.put({
      key,
      contentType,
      metadata: toObjectMetadata(names),
      body: isWhole ? body : metered(body, meter),
    })
    return meter.read()
  }

  /** Whether the event is on the stream. */
  async function publish(upload: UploadRecord, log: IncomingUpload['log']): Promise<boolean> {
    try {
      await publisher.publish(eventOf(upload))
    } catch (err) {
      // Whatever went wrong, the upload is durable and recorded, and that is what a success promises.
      log.warn(
        { err, uploadId: upload.uploadId },
        'the event is not on the stream yet: the outbox relay will publish it',
      )
      return false
    }
    // Waited for, so that whoever reads the upload after the answer finds what the answer said, and since a Lambda function
    // is frozen once it has answered. When it fails, the relay publishes the event again, which changes nothing.
    await store.markQueued(upload).catch((err: unknown) => {
      log.error({ err, uploadId: upload.uploadId }, 'the upload could not be marked as queued')
    })
    return true
  }

  return async upload => {
    const planned = plan(upload)
    const measured = await put(planned, upload)
    const uploadedAt = now().toISOString()
    const stored: UploadRecord = {
      ...planned,
      ...measured,
      bucket: objects.bucket,
      status: 'stored',
      uploadedAt,
      updatedAt: uploadedAt,
      requestId: upload.requestId,
    }
    await record(stored, upload.log)
    return (await publish(stored, upload.log)) ? { ...stored, status: 'queued' } : stored
  }
}
