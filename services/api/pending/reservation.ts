import { v7 as uuidv7 } from 'uuid'
import { checkFilename } from '../../uploads/objects/filename.ts'
import { uploadKey } from '../../uploads/objects/keys.ts'
import type { PendingRecord } from '../../uploads/pending/pending.ts'
import { checkContentType } from '../ingest/content-type.ts'
import { PayloadTooLargeError } from '../ingest/errors.ts'

/** What somebody is going to upload. */
export interface Announced {
  owner: string
  filename: string
  /** Whether `filename` is made up, because the client gave none. */
  filenameGenerated?: boolean | undefined
  contentType: string
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256?: string | undefined
  /** Left out, a new one. */
  uploadId?: string | undefined
  requestId: string
}

/** A promise that says nothing yet of the way on which the bytes come. */
export type Promised = Omit<PendingRecord, 'arrival'>

export interface PromiseSettings {
  bucket: string
  keyTemplate: string
  /** Bytes. */
  maxBytes: number
  /** How long a promise stands, in milliseconds. */
  lifetimeMs: number
  now?: () => Date
  newId?: () => string
}

/**
 * Holds what is announced to the rules that hold for every upload, and gives it an id and a key.
 *
 * @throws InvalidFilenameError, InvalidContentTypeError, PayloadTooLargeError
 */
export function createPromise(settings: PromiseSettings): (announced: Announced) => Promised {
  const { bucket, keyTemplate, maxBytes, lifetimeMs, now = () => new Date(), newId = uuidv7 } = settings
  return ({ owner, filename, filenameGenerated, contentType, size, sha256, uploadId = newId(), requestId }) => {
    if (size > maxBytes) throw new PayloadTooLargeError('The file', maxBytes)
    const name = checkFilename(filename)
    const at = now()
    return {
      owner,
      uploadId,
      bucket,
      key: uploadKey(keyTemplate, { owner, uploadId, filename: name }),
      filename: name,
      ...(filenameGenerated && { filenameGenerated: true }),
      contentType: checkContentType(contentType),
      size,
      ...(sha256 !== undefined && { sha256 }),
      status: 'pending',
      uploadedAt: at.toISOString(),
      updatedAt: at.toISOString(),
      expiresAt: new Date(at.getTime() + lifetimeMs).toISOString(),
      requestId,
    }
  }
}
