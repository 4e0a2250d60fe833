import type { Logger } from '../../platform/log.ts'
import type { ObjectRef } from '../../uploads/records/record.ts'
import type { UploadKey, UploadStore } from '../../uploads/records/store.ts'

export interface ProcessingMarkSettings {
  store: Pick<UploadStore, 'markProcessing'>
  /** Time after which an upload is marked, in milliseconds. */
  afterMs: number
  log: Pick<Logger, 'warn'>
}

/**
 * Runs the work on an upload, and marks the upload `processing` if the work takes longer than a while. Most uploads are done sooner and
 * save the write. If the write fails, the upload is processed all the same.
 */
export type RunMarked = <T>(upload: UploadKey | undefined, source: ObjectRef, work: () => Promise<T>) => Promise<T>

export function createRunMarked({ store, afterMs, log }: ProcessingMarkSettings): RunMarked {
  async function mark(upload: UploadKey, source: ObjectRef, signal: AbortSignal): Promise<void> {
    try {
      await store.markProcessing(upload, source, signal)
    } catch (err) {
      if (!signal.aborted) log.warn({ err, uploadId: upload.uploadId }, 'the upload could not be marked as processing')
    }
  }

  return async (upload, source, work) => {
    if (!upload) return work()
    const over = new AbortController()
    let marked: Promise<void> | undefined
    const timer = setTimeout(() => {
      marked = mark(upload, source, over.signal)
    }, afterMs)
    try {
      return await work()
    } finally {
      clearTimeout(timer)
      // A request that hangs must not delay the upload. A request that arrives late finds another status and changes nothing.
      over.abort()
      await marked
    }
  }
}
