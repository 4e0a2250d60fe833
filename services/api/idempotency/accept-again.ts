import type { UploadStore } from '../../uploads/records/store.ts'
import type { AcceptUpload } from '../ingest/accept-upload.ts'
import type { PublishUpload } from '../ingest/publish-upload.ts'
import { ProblemError } from '../problems/problem.ts'
import { measure } from './payload.ts'

export interface AcceptAgainSettings {
  accept: AcceptUpload
  store: Pick<UploadStore, 'get'>
  publish: PublishUpload
  /** Bytes. */
  maxBytes: number
}

/**
 * Accepts the upload of a request that may have been accepted before, by a process that did not live to say so. Where it was,
 * the file is only compared: its object is the first one's, which may be in use by now.
 */
export function createAcceptAgain({ accept, store, publish, maxBytes }: AcceptAgainSettings): AcceptUpload {
  return async upload => {
    const { owner, uploadId, isRetry } = upload
    const recorded = isRetry && uploadId !== undefined ? await store.get({ owner, uploadId }) : undefined
    // What is pending came by another way, under an id of its own.
    if (!recorded || recorded.status === 'pending') return accept(upload)
    const { filename, contentType, size, sha256 } = await measure(upload, maxBytes)
    const isSame =
      recorded.sha256 === sha256 &&
      recorded.size === size &&
      recorded.filename === filename &&
      recorded.contentType === contentType
    if (!isSame) {
      const detail = 'Another file was accepted with this Idempotency-Key. Take a new key for a new request.'
      throw new ProblemError('idempotency-key-reused', detail)
    }
    await upload.confirm?.()
    // The process may have died before its event was on the stream. Published twice, it has the same effect.
    return recorded.status === 'queued' ? publish(recorded, upload.log) : recorded
  }
}
