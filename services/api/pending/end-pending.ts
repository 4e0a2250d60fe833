import { AbortMultipartUploadCommand, DeleteObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { isOwnKey } from '../../uploads/keys.ts'
import type { PendingRecord } from '../../uploads/pending.ts'
import type { PendingStore } from '../../uploads/pending-store.ts'
import type { UploadKey } from '../../uploads/store.ts'
import { isMissing } from './arrived-object.ts'

/**
 * Ends an upload that is on its way: its owner has it no more, and S3 nothing of it. Resolves to false where there is no
 * such promise: never made, ended, or kept. Doing it again changes nothing; where it fails half way, the sweep ends it.
 */
export type EndPending = (key: UploadKey) => Promise<boolean>

export interface EndPendingSettings {
  s3: S3Client
  pending: Pick<PendingStore, 'end' | 'forget'>
}

export function createEndPending({ s3, pending }: EndPendingSettings): EndPending {
  const cleanUp = createCleanUp(s3)
  return async key => {
    const promised = await pending.end(key)
    if (!promised) return false
    await cleanUp(promised)
    // A URL that was handed out may be used until it expires: the note stays for the sweep, which cleans up once more.
    if (promised.arrival.way === 'tus') await pending.forget(promised)
    return true
  }
}

/** Takes everything out of S3 that a promise may have put there. */
export function createCleanUp(s3: S3Client) {
  return async (promised: PendingRecord): Promise<void> => {
    const { bucket, key, arrival } = promised
    const multipartId = arrival.way === 'put' ? undefined : arrival.multipartId
    if (multipartId !== undefined) await abort({ Bucket: bucket, Key: key, UploadId: multipartId })
    const tail = arrival.way === 'tus' ? arrival.tail : undefined
    if (tail) await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: tail.key }))
    // After the abort: a multipart upload that was completed just before has become the object.
    if (isOwnKey(promised)) await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
  }

  async function abort(upload: { Bucket: string; Key: string; UploadId: string }): Promise<void> {
    await s3.send(new AbortMultipartUploadCommand(upload)).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
  }
}
