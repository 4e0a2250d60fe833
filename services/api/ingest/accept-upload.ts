import { v7 as uuidv7 } from 'uuid'
import type { Logger } from '../../platform/log.ts'
import { checkFilename, defaultFilename } from '../../uploads/filename.ts'
import { uploadKey } from '../../uploads/keys.ts'
import { toObjectMetadata } from '../../uploads/metadata.ts'
import type { EventPublisher } from '../../uploads/publisher.ts'
import { eventOf, type UploadRecord } from '../../uploads/record.ts'
import type { UploadStore } from '../../uploads/store.ts'
import { checkContentType } from './content-type.ts'
import { PayloadTooLargeError, RecordingUnknownError } from './errors.ts'
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

/** Resolves once the upload is durable and recorded: `queued` where its event is on the stream, else `stored` and marked. */
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
 * was promised undone: until the event is on the stream or the record has its outbox mark, nothing was accepted. What a
 * crash leaves before that, an object alone or one whose record waits in vain, the worker's stray sweep finishes.
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
    const object = { key, contentType, metadata: toObjectMetadata(names) }
    const { body } = upload
    if (!(body instanceof Uint8Array)) {
      await objects.putStream(object, metered(body, meter))
      return meter.read()
    }
    meter.take(body)
    const measured = meter.read()
    await objects.putWhole({ ...object, body, sha256: measured.sha256 })
    return measured
  }

  /** Publishes the event. Resolves to the upload as it is then: `stored` where the relay has to publish it. */
  async function publish(upload: UploadRecord, log: IncomingUpload['log']): Promise<UploadRecord> {
    try {
      await publisher.publish(eventOf(upload))
      return upload
    } catch (err) {
      // Whatever went wrong, the upload is durable and recorded, and with its mark it is all that a success promises.
      log.warn({ err, uploadId: upload.uploadId }, 'the event is not on the stream: it is left to the outbox relay')
    }
    return (await hold(upload)) ? { ...upload, status: 'stored' } : upload
  }

  async function hold(upload: UploadRecord): Promise<boolean> {
    try {
      return await store.markStored(upload)
    } catch (cause) {
      const message = 'The upload is stored, but nobody can be told to process it. Send it again.'
      throw new RecordingUnknownError(message, { cause })
    }
  }

  return async upload => {
    const planned = plan(upload)
    const measured = await put(planned, upload)
    const uploadedAt = now().toISOString()
    const recorded: UploadRecord = {
      ...planned,
      ...measured,
      bucket: objects.bucket,
      status: 'queued',
      uploadedAt,
      updatedAt: uploadedAt,
      requestId: upload.requestId,
    }
    await record(recorded, upload.log)
    return publish(recorded, upload.log)
  }
}
