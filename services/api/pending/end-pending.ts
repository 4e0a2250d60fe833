import { AbortMultipartUploadCommand, DeleteObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { createRemoveObject } from '../../uploads/objects/remove-object.ts'
import type { PendingRecord } from '../../uploads/pending/pending.ts'
import type { PendingStore } from '../../uploads/pending/pending-store.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { isMissing } from './arrived-object.ts'

/**
 * Ends an upload that is on its way: its owner has it no more, and S3 nothing of it. Resolves to false where there is no
 * such promise: never made, ended, or kept. Doing it again changes nothing; where it fails half way, the sweep ends it.
 */
export type EndPending = (key: UploadKey) => Promise<boolean>

/** Takes everything out of S3 that a promise may have put there. Doing it again changes nothing. */
export type CleanUp = (promised: PendingRecord) => Promise<void>

export interface EndPendingSettings {
  cleanUp: CleanUp
  pending: Pick<PendingStore, 'end' | 'forget'>
}

export function createEndPending({ cleanUp, pending }: EndPendingSettings): EndPending {
  return async key => {
    const promised = await pending.end(key)
    if (!promised) return false
    await cleanUp(promised)
    // A URL that was handed out may be used until it expires: the note stays for the sweep, which cleans up once more.
    if (promised.arrival.way === 'tus') await pending.forget(promised)
    return true
  }
}

/**
 * Cleans up after a request that wrote to S3 and could not record it. If the upload was ended meanwhile, the clean-up of its end
 * came before that write, and nobody else knows of what was written. An upload that goes on is left alone.
 */
export function createCleanUpIfEnded(settings: { cleanUp: CleanUp; pending: Pick<PendingStore, 'get'> }): CleanUp {
  const { cleanUp, pending } = settings
  return async promised => {
    if ((await pending.get(promised)) === undefined) await cleanUp(promised)
  }
}

export function createCleanUp(s3: S3Client): CleanUp {
  const removeObject = createRemoveObject(s3)
  return async promised => {
    const { bucket, key, arrival, uploadId } = promised
    const multipartId = arrival.way === 'put' ? undefined : arrival.multipartId
    if (multipartId !== undefined) await abort({ Bucket: bucket, Key: key, UploadId: multipartId })
    const tail = arrival.way === 'tus' ? arrival.tail : undefined
    if (tail) await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: tail.key }))
    // After the abort: a multipart upload that was completed just before has become the object.
    await removeObject({ bucket, key }, uploadId)
  }

  async function abort(upload: { Bucket: string; Key: string; UploadId: string }): Promise<void> {
    await s3.send(new AbortMultipartUploadCommand(upload)).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
  }
}
