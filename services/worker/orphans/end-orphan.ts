import type { Logger } from '../../platform/log.ts'
import { processedKey } from '../../uploads/objects/keys.ts'
import type { OrphanStore } from '../../uploads/objects/orphan-store.ts'
import type { Verdict } from './judge.ts'
import type { UploadObject } from './list-upload-objects.ts'
import type { UploadBucket } from './upload-bucket.ts'

export type Ending = 'requeued' | 'removed' | 'left'

export interface EndOrphanSettings {
  bucket: Pick<UploadBucket, 'readMetadata' | 'remove'>
  orphans: Pick<OrphanStore, 'requeue' | 'giveUp'>
  uploadBucket: string
  processedBucket: string
  log: Pick<Logger, 'info' | 'error'>
}

/**
 * Does what was judged of an object. The order makes it safe against an api that is at this very upload, however late: its id is
 * given up before its object goes, and who comes to record it then is refused. If the record comes first, the id cannot be
 * given up, and the object stays.
 */
export function createEndOrphan({ bucket, orphans: strays, uploadBucket, processedBucket, log }: EndOrphanSettings) {
  /** An object that does not say that it is this upload's was put there by somebody else. */
  async function isOwn({ key, owner, uploadId }: UploadObject): Promise<boolean> {
    const told = await bucket.readMetadata({ bucket: uploadBucket, key })
    return told?.owner === owner && told.uploadId === uploadId
  }

  /** What was processed was accepted. Where it has no record, the table has lost it: it is not another one's, or an older one. */
  async function wasAccepted({ key, uploadId }: UploadObject): Promise<boolean> {
    const isProcessed = (await bucket.readMetadata({ bucket: processedBucket, key: processedKey(key) })) !== undefined
    if (isProcessed) {
      log.error(
        { key, uploadId },
        'an upload that was processed has no record: does UPLOADS_TABLE belong to UPLOAD_BUCKET?',
      )
    }
    return isProcessed
  }

  async function remove(object: UploadObject, why: string): Promise<Ending> {
    await bucket.remove(object.key)
    log.info({ key: object.key, uploadId: object.uploadId }, why)
    return 'removed'
  }

  return async (object: UploadObject, verdict: Verdict): Promise<Ending> => {
    if (verdict === 'requeue') return (await strays.requeue(object)) ? 'requeued' : 'left'
    if (verdict === 'leave' || !(await isOwn(object))) return 'left'
    if (verdict === 'remove') return remove(object, 'an object that is not its upload’s any more is removed')
    if (await wasAccepted(object)) return 'left'
    const isGivenUp = await strays.giveUp(object, { bucket: uploadBucket, key: object.key })
    return isGivenUp ? remove(object, 'an object that nobody has recorded is removed') : 'left'
  }
}

export type EndOrphan = ReturnType<typeof createEndOrphan>
