import { settle } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import type { UploadStore } from '../../uploads/records/store.ts'
import { RecordingUnknownError } from './errors.ts'
import type { Objects } from './objects.ts'

export interface RecordUploadSettings {
  store: Pick<UploadStore, 'create' | 'get'>
  objects: Pick<Objects, 'remove'>
  /** How long the look at what became of a failed write may take, in milliseconds. */
  lookTimeoutMs?: number
}

export type RecordUpload = (upload: UploadRecord, log: Pick<Logger, 'warn' | 'error'>) => Promise<void>

/**
 * Records an upload whose object is stored. A write that fails may have arrived all the same, its reply lost: then the
 * record is there and the relay will publish it, so that the object must not go. So the record is looked for before
 * anything is undone.
 *
 * The function it makes rejects with what the write said once the upload is known not to be recorded and its object is
 * deleted, and with a RecordingUnknownError where nobody can tell: the object stays then.
 */
export function createRecordUpload(settings: RecordUploadSettings): RecordUpload {
  const { store, objects, lookTimeoutMs = 3_000 } = settings

  async function isRecorded(upload: UploadRecord, cause: unknown, log: Pick<Logger, 'error'>): Promise<boolean> {
    try {
      return (await settle(() => store.get(upload, AbortSignal.timeout(lookTimeoutMs)))) !== undefined
    } catch (err) {
      const { uploadId, key } = upload
      log.error({ err, uploadId, key }, 'nobody can tell whether the upload is recorded: its object stays')
      throw new RecordingUnknownError('Whether the upload is recorded cannot be told. Send it again.', { cause })
    }
  }

  async function remove(upload: UploadRecord, log: Pick<Logger, 'error'>): Promise<void> {
    await settle(() => objects.remove(upload)).catch((err: unknown) => {
      log.error({ err, key: upload.key }, 'an object whose upload was not recorded stays behind')
    })
  }

  return async (upload, log) => {
    try {
      await store.create(upload)
    } catch (error) {
      if (!(await isRecorded(upload, error, log))) {
        await remove(upload, log)
        throw error
      }
      log.warn({ err: error, uploadId: upload.uploadId }, 'the reply to the write was lost, and the upload is recorded')
    }
  }
}
