import { cleanUp } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import type { UploadStore } from '../../uploads/records/store.ts'
import type { UploadObjects } from './accept-upload.ts'
import { RecordingUnknownError } from './errors.ts'

export interface RecordUploadDeps {
  store: Pick<UploadStore, 'create' | 'get'>
  objects: Pick<UploadObjects, 'remove'>
}

/** Timeout for reading a record whose write failed, in milliseconds. */
const READ_TIMEOUT_MS = 3_000

/**
 * Writes the record of an upload whose object is stored. A write that fails may still have reached DynamoDB, for example when
 * its response was lost. The object must then stay, because the relay will publish the record. So the record is read before the
 * object is deleted.
 *
 * @throws the error of the write if the upload is not recorded. The object is deleted.
 * @throws RecordingUnknownError if the record can't be read either. The object stays.
 */
export async function recordUpload(
  deps: RecordUploadDeps,
  upload: UploadRecord,
  log: Pick<Logger, 'warn' | 'error'>,
): Promise<void> {
  const { uploadId, key } = upload
  try {
    await deps.store.create(upload)
  } catch (error) {
    if (!(await isRecorded(deps, upload, error, log))) {
      await cleanUp(() => deps.objects.remove(upload)).catch((err: unknown) => {
        log.error({ err, key }, 'the object of an unrecorded upload could not be deleted')
      })
      throw error
    }
    log.warn({ err: error, uploadId }, 'the response to the write was lost, but the upload is recorded')
  }
}

async function isRecorded(
  { store }: RecordUploadDeps,
  upload: UploadRecord,
  cause: unknown,
  log: Pick<Logger, 'error'>,
): Promise<boolean> {
  try {
    return (await cleanUp(() => store.get(upload, AbortSignal.timeout(READ_TIMEOUT_MS)))) !== undefined
  } catch (err) {
    const { uploadId, key } = upload
    log.error({ err, uploadId, key }, 'it is unknown whether the upload is recorded: its object is kept')
    throw new RecordingUnknownError('It is unknown whether the upload was recorded. Send the upload again.', { cause })
  }
}
