import { settle } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import type { Objects } from './objects.ts'

export interface ConfirmUploadSettings {
  objects: Pick<Objects, 'remove'>
}

/** Asks whoever has a say, once the object is stored and before anything is recorded. The object of a no is deleted. */
export function createConfirmUpload({ objects }: ConfirmUploadSettings) {
  return async (upload: UploadRecord, ask: () => Promise<void>, log: Pick<Logger, 'error'>): Promise<void> => {
    try {
      await ask()
    } catch (error) {
      await settle(() => objects.remove(upload)).catch((err: unknown) => {
        log.error({ err, key: upload.key }, 'an object whose upload was refused stays behind')
      })
      throw error
    }
  }
}
