import type { UploadState } from '../../uploads/objects/orphan-store.ts'

/**
 * What becomes of something in S3 that is old enough. `leave`: it is in use, or somebody else ends it. `requeue`: its upload
 * is recorded and waits in vain. `give-up`: nobody has recorded it. `remove`: its upload is known, and it is no part of it.
 */
export type Verdict = 'leave' | 'requeue' | 'give-up' | 'remove'

/** @param before ISO 8601: what has not changed since is not going to by itself */
export function judgeObject(key: string, standing: UploadState | undefined, before: string): Verdict {
  if (!standing) return 'give-up'
  // A deletion that is finished names no object any more: this one came after it. Otherwise: an attempt under the same id that
  // was given up, for a name that was taken back.
  if (standing.key !== key) return 'remove'
  if (standing.status === 'queued') return 'requeue'
  // A worker may be at it for hours.
  if (standing.status === 'processing' && (standing.updatedAt ?? '') < before) return 'requeue'
  return 'leave'
}

/** Of a multipart upload that was begun and not completed. */
export function judgeMultipart(multipartId: string, standing: UploadState | undefined): Verdict {
  const isPending = standing?.status === 'pending' && standing.arrival?.multipartId === multipartId
  return isPending ? 'leave' : 'remove'
}

/** Of the beginning of a part. */
export function judgeTail(key: string, standing: UploadState | undefined): Verdict {
  const isPending = standing?.status === 'pending' && standing.arrival?.tail?.key === key
  return isPending ? 'leave' : 'remove'
}
