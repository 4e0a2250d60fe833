import type { UploadState } from '../../uploads/objects/orphan-store.ts'

/**
 * What happens to something old in S3. `leave`: it is in use, or is ended elsewhere. `requeue`: its upload is recorded, and its event is
 * missing. `give-up`: its upload was never recorded. `remove`: its upload is recorded, and it is not part of that upload.
 */
export type Verdict = 'leave' | 'requeue' | 'give-up' | 'remove'

/** @param before ISO 8601: an upload that has not changed since then is abandoned */
export function judgeObject(key: string, standing: UploadState | undefined, before: string): Verdict {
  if (!standing) return 'give-up'
  // A finished deletion names no object, so this object was written after it. Otherwise the object is of an attempt with the same id and
  // another file name.
  if (standing.key !== key) return 'remove'
  if (standing.status === 'queued') return 'requeue'
  // A worker may process an upload for hours.
  if (standing.status === 'processing' && (standing.updatedAt ?? '') < before) return 'requeue'
  return 'leave'
}

/** Judges a multipart upload that was not completed. */
export function judgeMultipart(multipartId: string, standing: UploadState | undefined): Verdict {
  const isPending = standing?.status === 'pending' && standing.arrival?.multipartId === multipartId
  return isPending ? 'leave' : 'remove'
}

/** Judges a tail: the bytes of a tus upload that do not fill a part. */
export function judgeTail(key: string, standing: UploadState | undefined): Verdict {
  const isPending = standing?.status === 'pending' && standing.arrival?.tail?.key === key
  return isPending ? 'leave' : 'remove'
}
