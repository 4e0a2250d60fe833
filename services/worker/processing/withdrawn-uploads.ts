import type { Logger } from '../../platform/log.ts'
import type { BareEvent, UploadEvent } from '../../uploads/events/event.ts'
import { processedKey } from '../../uploads/objects/keys.ts'
import type { RemoveObject } from '../../uploads/objects/remove-object.ts'
import type { RemoveOutputs } from '../../uploads/objects/remove-outputs.ts'
import type { Deletions } from '../../uploads/records/deletions.ts'
import type { ObjectRef } from '../../uploads/records/record.ts'
import type { UploadKey, UploadStore } from '../../uploads/records/store.ts'

/** Uploads that must have no outputs: their owner has deleted them, or they are quarantined. */
export interface WithdrawnUploads {
  /** Removes all outputs of an upload, whether this attempt or an earlier one wrote them. */
  removeOutputsOf(event: ObjectRef, upload: UploadKey, signal?: AbortSignal): Promise<void>
  /** Returns true if the owner deleted the upload. Then also removes outputs written by this attempt or by one that crashed. */
  isDeleted(state: { event?: UploadEvent | BareEvent; upload?: UploadKey | undefined }): Promise<boolean>
  /** Returns true if the upload is deleted, or if another attempt found malware in it meanwhile. Removes the outputs then. */
  isWithdrawn(state: { event?: UploadEvent | BareEvent; upload?: UploadKey | undefined }): Promise<boolean>
}

export interface WithdrawnUploadsSettings {
  store: Pick<UploadStore, 'get'>
  deletions: Pick<Deletions, 'has'>
  removeObject: RemoveObject
  removeOutputs: RemoveOutputs
  processedBucket: string
  log: Pick<Logger, 'info'>
}

export function createWithdrawnUploads(settings: WithdrawnUploadsSettings): WithdrawnUploads {
  const { store, deletions, removeObject, removeOutputs, processedBucket, log } = settings

  async function removeOutputsOf(event: ObjectRef, { uploadId }: UploadKey, signal?: AbortSignal): Promise<void> {
    await removeObject({ bucket: processedBucket, key: processedKey(event.key) }, uploadId)
    await removeOutputs(event, uploadId, [processedBucket], undefined, signal)
  }

  const isDeleted: WithdrawnUploads['isDeleted'] = async ({ event, upload }) => {
    if (!event || !upload || !(await deletions.has(upload, event))) return false
    await removeOutputsOf(event, upload)
    log.info({ key: event.key, uploadId: upload.uploadId }, 'the owner deleted the upload: its outputs are removed')
    return true
  }

  return {
    removeOutputsOf,
    isDeleted,
    async isWithdrawn(state) {
      if (await isDeleted(state)) return true
      const { event, upload } = state
      if (!event || !upload) return false
      const record = await store.get(upload)
      if (record?.status !== 'quarantined' || record.bucket !== event.bucket || record.key !== event.key) return false
      await removeOutputsOf(event, upload)
      log.info({ key: event.key, uploadId: upload.uploadId }, 'the upload is quarantined: its outputs are removed')
      return true
    },
  }
}
