import { v7 as uuidv7 } from 'uuid'
import { checkFilename } from '../../uploads/objects/filename.ts'
import { uploadKey } from '../../uploads/objects/keys.ts'
import type { PendingRecord } from '../../uploads/pending/pending.ts'
import { checkContentType } from '../ingest/content-type.ts'
import { PayloadTooLargeError } from '../ingest/errors.ts'

/** What a client announces about the file that it is going to upload. */
export interface ReservationRequest {
  owner: string
  filename: string
  /** True if the client gave no name and `filename` was generated. */
  filenameGenerated?: boolean | undefined
  contentType: string
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256?: string | undefined
  /** @default a new UUIDv7 */
  uploadId?: string | undefined
  requestId: string
}

/** A pending upload before it is decided how its bytes arrive. */
export type Reservation = Omit<PendingRecord, 'arrival'>

export interface ReservationRules {
  bucket: string
  keyTemplate: string
  /** Bytes. */
  maxBytes: number
  /** How long a reservation is valid, in milliseconds. */
  lifetimeMs: number
}

/**
 * Checks what a client announces by the rules for every upload, and assigns an id and a key.
 *
 * @throws InvalidFilenameError, InvalidContentTypeError, PayloadTooLargeError
 */
export function reserveUpload(
  { bucket, keyTemplate, maxBytes, lifetimeMs }: ReservationRules,
  request: ReservationRequest,
): Reservation {
  const { owner, contentType, size, sha256, uploadId = uuidv7(), requestId } = request
  if (size > maxBytes) throw new PayloadTooLargeError('The file', maxBytes)
  const filename = checkFilename(request.filename)
  const now = Date.now()
  const uploadedAt = new Date(now).toISOString()
  return {
    owner,
    uploadId,
    bucket,
    key: uploadKey(keyTemplate, { owner, uploadId, filename }),
    filename,
    ...(request.filenameGenerated && { filenameGenerated: true }),
    contentType: checkContentType(contentType),
    size,
    ...(sha256 !== undefined && { sha256 }),
    status: 'pending',
    uploadedAt,
    updatedAt: uploadedAt,
    expiresAt: new Date(now + lifetimeMs).toISOString(),
    requestId,
  }
}
