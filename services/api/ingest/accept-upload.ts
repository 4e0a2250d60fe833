import { v7 as uuidv7 } from 'uuid'
import { cleanUp } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { BodyPace } from '../../platform/s3/body-pace.ts'
import type { PutStream } from '../../platform/s3/put-stream.ts'
import type { PutWhole } from '../../platform/s3/put-whole.ts'
import type { ClientMetadata } from '../../uploads/objects/client-metadata.ts'
import { checkFilename, defaultFilename } from '../../uploads/objects/filename.ts'
import { uploadKey } from '../../uploads/objects/keys.ts'
import { toObjectMetadata } from '../../uploads/objects/metadata.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import type { UploadStore } from '../../uploads/records/store.ts'
import type { FileLimits } from '../policies/policies.ts'
import type { ChargedUpload, Quotas } from '../policies/quotas.ts'
import { checkContentType } from './content-type.ts'
import { PayloadTooLargeError, RecordingUnknownError } from './errors.ts'
import { Meter, meterBody } from './meter.ts'
import { type PublishUploadDeps, publishUpload } from './publish-upload.ts'
import { type RecordUploadDeps, recordUpload } from './record-upload.ts'

/** The bytes of a file: in memory as a whole, or as a stream. */
export type Body = Uint8Array | AsyncIterable<Uint8Array>

/** An upload while it arrives, in any upload format. */
export interface IncomingUpload {
  owner: string
  /** @default a name made from the time of the upload */
  filename?: string | undefined
  /** True if the client gave no name and `filename` was generated. */
  filenameGenerated?: boolean | undefined
  contentType: string
  /** What the client says about its file. */
  metadata?: ClientMetadata | undefined
  /** If the body fails, the upload fails with the same error, and nothing of the upload is kept. */
  body: Body
  /** The size of the file in bytes, if the client declared it. */
  declaredBytes?: number | undefined
  /** The maximum size of the body in bytes, if it is known in advance, for example from the length of the whole request. */
  maxBytes?: number | undefined
  limits: FileLimits
  /** Measures how fast the client sends the body. */
  pace?: BodyPace | undefined
  /** Returns the type that the first bytes show. Called after the body has been read. */
  detectedType?: (() => string | undefined) | undefined
  /** @default a new UUIDv7 */
  uploadId?: string | undefined
  /** Called when the object is stored and before anything is recorded. If it rejects, the object is deleted. */
  confirm?: (() => Promise<void>) | undefined
  requestId: string
  traceparent?: string | undefined
  log: Pick<Logger, 'warn' | 'error'>
}

/** The bucket of uploads. */
export interface UploadObjects {
  readonly bucket: string
  readonly putWhole: PutWhole
  /** Writes an object from a stream. If the stream fails, no object is written. */
  readonly putStream: PutStream
  /** Deletes the object of an upload. Keeps an object that another upload has put under the same key. */
  remove(upload: { key: string; uploadId: string }): Promise<void>
}

export interface AcceptUploadDeps extends RecordUploadDeps, PublishUploadDeps {
  objects: UploadObjects
  store: Pick<UploadStore, 'create' | 'get' | 'markStored' | 'markQueued'>
  keyTemplate: string
  quotas: Pick<Quotas, 'roomFor' | 'charge' | 'refund'>
}

/**
 * Accepts an upload: writes the object, then the record, then the event. Resolves to a record with the status `queued` if the
 * event is on the stream, else `stored`: the record then has an outbox mark.
 *
 * An upload is accepted once its event is on the stream or its record has the outbox mark. A crash before that may leave an object
 * without a record, or a `queued` record without an event. A retry with the same Idempotency-Key completes both. The workers'
 * sweep of orphans finds the rest.
 *
 * @throws InvalidFilenameError, InvalidContentTypeError, PayloadTooLargeError before anything is written
 */
export async function acceptUpload(deps: AcceptUploadDeps, upload: IncomingUpload): Promise<UploadRecord> {
  const { log, confirm, traceparent } = upload
  const planned = planUpload(deps, upload)
  const { owner, limits, declaredBytes } = upload
  const room = limits.quota ? await deps.quotas.roomFor(owner, limits, { bytes: declaredBytes }) : limits
  const measured = await putObject(deps, planned, { ...upload, limits: room })
  const detectedType = upload.detectedType?.()
  const uploadedAt = new Date().toISOString()
  const record: UploadRecord = {
    ...planned,
    ...measured,
    ...(detectedType !== undefined && { detectedType }),
    bucket: deps.objects.bucket,
    status: 'queued',
    uploadedAt,
    updatedAt: uploadedAt,
    requestId: upload.requestId,
    ...(traceparent !== undefined && { traceparent }),
  }
  await withQuota(deps, record, upload, async () => {
    if (confirm) await confirmUpload(deps, record, confirm, log)
    await recordUpload(deps, record, log)
  })
  return publishUpload(deps, record, log)
}

/** Charges the quota of a stored upload before it is recorded, and gives the charge back if the upload is certainly not recorded. */
async function withQuota(
  deps: AcceptUploadDeps,
  record: UploadRecord,
  { limits, log }: IncomingUpload,
  recording: () => Promise<void>,
): Promise<void> {
  if (!limits.quota) return recording()
  const charged: ChargedUpload = { ...record, bytes: record.size, limits }
  let day: string | undefined
  await confirmUpload(
    deps,
    record,
    async () => {
      day = await deps.quotas.charge(charged)
    },
    log,
  )
  try {
    await recording()
  } catch (error) {
    if (!(error instanceof RecordingUnknownError)) await deps.quotas.refund(charged, day, log)
    throw error
  }
}

type PlannedUpload = Pick<
  UploadRecord,
  'owner' | 'uploadId' | 'key' | 'filename' | 'filenameGenerated' | 'contentType' | 'metadata'
>

function planUpload({ keyTemplate }: AcceptUploadDeps, upload: IncomingUpload): PlannedUpload {
  const { owner, declaredBytes, limits, uploadId = uuidv7() } = upload
  if (declaredBytes !== undefined && declaredBytes > limits.maxBytes) throw new PayloadTooLargeError('The file', limits)
  const filename = checkFilename(upload.filename ?? defaultFilename(Date.now()))
  const isGenerated = upload.filename === undefined || upload.filenameGenerated
  return {
    owner,
    uploadId,
    key: uploadKey(keyTemplate, { owner, uploadId, filename, prefix: limits.keyPrefix }),
    filename,
    ...(isGenerated && { filenameGenerated: true }),
    contentType: checkContentType(upload.contentType),
    ...(upload.metadata && { metadata: upload.metadata }),
  }
}

async function putObject(
  { objects }: AcceptUploadDeps,
  { key, contentType, ...names }: PlannedUpload,
  upload: IncomingUpload,
) {
  const meter = new Meter(upload.limits)
  const { body, pace } = upload
  const metadata = toObjectMetadata(names)
  const object = { key, contentType, metadata, owner: names.owner, pace, maxBytes: upload.maxBytes }
  if (!(body instanceof Uint8Array)) {
    await objects.putStream(object, meterBody(body, meter))
    return meter.read()
  }
  meter.add(body)
  const measured = meter.read()
  await objects.putWhole({ ...object, body, sha256: measured.sha256 })
  return measured
}

async function confirmUpload(
  { objects }: Pick<AcceptUploadDeps, 'objects'>,
  upload: UploadRecord,
  confirm: () => Promise<void>,
  log: Pick<Logger, 'error'>,
): Promise<void> {
  try {
    await confirm()
  } catch (error) {
    await cleanUp(() => objects.remove(upload)).catch((err: unknown) => {
      log.error({ err, key: upload.key }, 'the object of a rejected upload could not be deleted')
    })
    throw error
  }
}
