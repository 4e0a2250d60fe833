import type { Logger } from '../../platform/log.ts'
import type { UploadRecord } from '../../uploads/record.ts'
import type { Objects } from './objects.ts'

export interface ConfirmUploadSettings {
  objects: Pick<Objects, 'delete'>
  /** Only where the key is this upload's alone may its object be deleted without a thought of anybody else's. */
  hasOwnKey: boolean
}

/** Asks whoever has a say, once the object is stored and before anything is recorded. The object of a no is deleted. */
export function createConfirmUpload({ objects, hasOwnKey }: ConfirmUploadSettings) {
  return async ({ key }: UploadRecord, ask: () => Promise<void>, log: Pick<Logger, 'error'>): Promise<void> => {
    try {
      await ask()
    } catch (error) {
      if (hasOwnKey) {
        await objects.delete(key).catch((err: unknown) => {
          log.error({ err, key }, 'an object whose upload was refused stays behind')
        })
      }
      throw error
    }
  }
}
