import { isDeepStrictEqual } from 'node:util'
import { sortedPairs } from '../../uploads/objects/client-metadata.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import { type AcceptUploadDeps, acceptUpload, type IncomingUpload } from '../ingest/accept-upload.ts'
import { publishUpload } from '../ingest/publish-upload.ts'
import { ProblemError } from '../problems/problem.ts'
import { measureFile } from './payload.ts'

/**
 * Accepts the upload of a retried request. A process that crashed before it responded may have accepted the upload already. In
 * that case the new file is only compared with the recorded one, because the recorded object may already be in use.
 */
export async function acceptRetry(deps: AcceptUploadDeps, upload: IncomingUpload): Promise<UploadRecord> {
  const { owner, uploadId } = upload
  const recorded = uploadId === undefined ? undefined : await deps.store.get({ owner, uploadId })
  // A pending upload belongs to a grant or to tus, and its id can't be the id of this request.
  if (!recorded || recorded.status === 'pending') return acceptUpload(deps, upload)
  const { filename, contentType, metadata, size, sha256 } = await measureFile(upload, upload.limits)
  const isSame =
    recorded.sha256 === sha256 &&
    recorded.size === size &&
    recorded.filename === filename &&
    recorded.contentType === contentType &&
    isDeepStrictEqual(sortedPairs(recorded.metadata), sortedPairs(metadata))
  if (!isSame) {
    const detail = 'This Idempotency-Key was already used for another file. Use a new key for a new request.'
    throw new ProblemError('idempotency-key-reused', detail)
  }
  await upload.confirm?.()
  // The process may have crashed before the event was on the stream. A second event has no effect.
  return recorded.status === 'queued' ? publishUpload(deps, recorded, upload.log) : recorded
}
