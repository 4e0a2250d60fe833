import { v7 as uuidv7 } from 'uuid'
import type { Logger } from '../../platform/log.ts'
import type { BodyPace } from '../../platform/s3/body-pace.ts'
import { checkFilename, defaultFilename } from '../../uploads/objects/filename.ts'
import { uploadKey } from '../../uploads/objects/keys.ts'
import { toObjectMetadata } from '../../uploads/objects/metadata.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import type { UploadStore } from '../../uploads/records/store.ts'
import { createConfirmUpload } from './confirm-upload.ts'
import { checkContentType } from './content-type.ts'
import { PayloadTooLargeError } from './errors.ts'
import { createMeter, metered } from './meter.ts'
import type { Body, Objects } from './objects.ts'
import type { PublishUpload } from './publish-upload.ts'
import { createRecordUpload } from './record-upload.ts'

/** An upload as it arrives, by whatever way. */
export interface IncomingUpload {
  owner: string
  /** Left out, the upload is named by the time. */
  filename?: string | undefined
  /** Whether `filename` is made up already, because the client gave none. */
  filenameGenerated?: boolean | undefined
  contentType: string
  /** When it fails, it fails with the error that the client is to see, and nothing of the upload stays. */
  body: Body
  /** The size that the client has said, in bytes, if it has: no more than that will come. */
  declaredBytes?: number | undefined
  /** The most bytes that the body can have, where that is known before they come: those of the whole request for one. */
  maxBytes?: number | undefined
  /** How fast the client sends the body. */
  pace?: BodyPace | undefined
  /** The type that the bytes show. Asked for when the body has been read. */
  detectedType?: (() => string | undefined) | undefined
  /** Left out, a new one. */
  uploadId?: string | undefined
  /** Whether an upload with this id may have been accepted before. */
  isRetry?: boolean | undefined
  /** Called when the object is stored and nothing is recorded yet. When it rejects, nothing of the upload stays. */
  confirm?: (() => Promise<void>) | undefined
  requestId: string
  traceparent?: string | undefined
  log: Pick<Logger, 'warn' | 'error'>
}

/** Resolves once the upload is durable and recorded: `queued` where its event is on the stream, else `stored` and marked. */
export type AcceptUpload = (upload: IncomingUpload) => Promise<UploadRecord>

export interface AcceptUploadSettings {
  objects: Objects
  store: UploadStore
  publish: PublishUpload
  keyTemplate: string
  /** Bytes. */
  maxBytes: number
  now?: () => Date
  newId?: () => string
}

/**
 * The way of an upload through the api: object, record, event, in this order. A crash after any step leaves nothing that
 * was promised undone: until the event is on the stream or the record has its outbox mark, nothing was accepted. It may leave
 * an object without a record, or a record that is `queued` in vain; a request that is sent again with its Idempotency-Key
 * finishes either, and the sweep of the workers finds what is left.
 */
export function createAcceptUpload(settings: AcceptUploadSettings): AcceptUpload {
  const { objects, store, publish, keyTemplate, maxBytes, now = () => new Date(), newId = uuidv7 } = settings
  const record = createRecordUpload({ store, objects })
  const confirm = createConfirmUpload({ objects })

  /** @throws InvalidFilenameError, InvalidContentTypeError, PayloadTooLargeError before anything is read or written */
  function plan(upload: IncomingUpload) {
    const { owner, filename, filenameGenerated, contentType, declaredBytes, uploadId = newId() } = upload
    if (declaredBytes !== undefined && declaredBytes > maxBytes) throw new PayloadTooLargeError('The file', maxBytes)
    const name = checkFilename(filename ?? defaultFilename(now().getTime()))
    const key = uploadKey(keyTemplate, { owner, uploadId, filename: name })
    const mark = filename === undefined || filenameGenerated ? { filenameGenerated: true as const } : {}
    return { owner, uploadId, key, filename: name, ...mark, contentType: checkContentType(contentType) }
  }

  async function put({ key, contentType, ...names }: ReturnType<typeof plan>, upload: IncomingUpload) {
    const meter = createMeter(settings.maxBytes)
    const { body, pace, maxBytes } = upload
    const object = { key, contentType, metadata: toObjectMetadata(names), whose: names.owner, pace, maxBytes }
    if (!(body instanceof Uint8Array)) {
      await objects.putStream(object, metered(body, meter))
      return meter.read()
    }
    meter.take(body)
    const measured = meter.read()
    await objects.putWhole({ ...object, body, sha256: measured.sha256 })
    return measured
  }

  return async upload => {
    const planned = plan(upload)
    const measured = await put(planned, upload)
    const detectedType = upload.detectedType?.()
    const uploadedAt = now().toISOString()
    const recorded: UploadRecord = {
      ...planned,
      ...measured,
      ...(detectedType !== undefined && { detectedType }),
      bucket: objects.bucket,
      status: 'queued',
      uploadedAt,
      updatedAt: uploadedAt,
      requestId: upload.requestId,
      ...(upload.traceparent !== undefined && { traceparent: upload.traceparent }),
    }
    if (upload.confirm) await confirm(recorded, upload.confirm, upload.log)
    await record(recorded, upload.log)
    return publish(recorded, upload.log)
  }
}
