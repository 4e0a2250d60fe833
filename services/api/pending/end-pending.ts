import { AbortMultipartUploadCommand, DeleteObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { createRemoveObject } from '../../uploads/objects/remove-object.ts'
import type { PendingRecord } from '../../uploads/pending/pending.ts'
import type { PendingStore } from '../../uploads/pending/pending-store.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { isMissing } from './verify-object.ts'

/** Removes everything from S3 that a pending upload may have put there. May be repeated. */
export type CleanUp = (reservation: PendingRecord) => Promise<void>

export interface EndPendingDeps {
  cleanUp: CleanUp
  pending: Pick<PendingStore, 'end' | 'forget'>
}

/**
 * Ends a pending upload: removes its record and everything it has in S3. May be repeated. If it fails half way, the sweep of pending
 * uploads finishes it. Resolves to false if there is no such pending upload.
 */
export async function endPending({ cleanUp, pending }: EndPendingDeps, key: UploadKey): Promise<boolean> {
  const reservation = await pending.end(key)
  if (!reservation) return false
  await cleanUp(reservation)
  // A presigned URL may be used until it expires. So the note of a grant stays for the sweep, which cleans up once more.
  if (reservation.arrival.way === 'tus') await pending.forget(reservation)
  return true
}

export interface CleanUpIfEndedDeps {
  cleanUp: CleanUp
  pending: Pick<PendingStore, 'get'>
}

/**
 * Cleans up after a request that wrote to S3 and could not record what it wrote. If the upload was ended in the meantime, the clean-up
 * of `endPending` ran before that write, and nothing else refers to what was written. Does nothing if the upload is still
 * pending.
 */
export async function cleanUpIfEnded(
  { cleanUp, pending }: CleanUpIfEndedDeps,
  reservation: PendingRecord,
): Promise<void> {
  if ((await pending.get(reservation)) === undefined) await cleanUp(reservation)
}

export function createCleanUp(s3: S3Client): CleanUp {
  const removeObject = createRemoveObject(s3)
  return async reservation => {
    const { bucket, key, arrival, uploadId } = reservation
    const multipartId = arrival.way === 'put' ? undefined : arrival.multipartId
    if (multipartId !== undefined) await abort({ Bucket: bucket, Key: key, UploadId: multipartId })
    const tail = arrival.way === 'tus' ? arrival.tail : undefined
    if (tail) await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: tail.key }))
    // The object is removed after the abort, because a multipart upload that was completed just before has become the object.
    await removeObject({ bucket, key }, uploadId)
  }

  async function abort(upload: { Bucket: string; Key: string; UploadId: string }): Promise<void> {
    await s3.send(new AbortMultipartUploadCommand(upload)).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
  }
}
