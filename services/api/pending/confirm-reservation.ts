import { settle } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { PendingRecord } from '../../uploads/pending/pending.ts'
import type { PendingStore } from '../../uploads/pending/pending-store.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import { RecordingUnknownError } from '../ingest/errors.ts'
import type { Arrived } from './arrived-object.ts'

export interface KeepPromiseSettings {
  pending: Pick<PendingStore, 'markStored' | 'get'>
  /** How long the look at what became of a failed write may take, in milliseconds. */
  lookTimeoutMs?: number
}

/** Makes the record of an upload of its promise. Resolves to undefined where the promise is gone. */
export type KeepPromise = (
  promised: PendingRecord,
  arrived: Arrived & { traceparent?: string | undefined },
  log: Pick<Logger, 'warn' | 'error'>,
) => Promise<UploadRecord | undefined>

/**
 * A write that fails may have arrived all the same, its reply lost: then the relay publishes the upload, and a client that was
 * told that nothing was accepted would be told wrong. So the record is looked at before anything is said.
 *
 * The function it makes rejects with what the write said once the promise is known to be one still, and with a
 * RecordingUnknownError where nobody can tell.
 */
export function createKeepPromise({ pending, lookTimeoutMs = 3_000 }: KeepPromiseSettings): KeepPromise {
  async function look(promised: PendingRecord, cause: unknown, log: Pick<Logger, 'error'>) {
    try {
      return await settle(() => pending.get(promised, AbortSignal.timeout(lookTimeoutMs)))
    } catch (err) {
      log.error({ err, uploadId: promised.uploadId }, 'nobody can tell whether the upload is recorded')
      const message = 'Whether the upload was accepted cannot be told. Ask again; nothing has to be sent anew.'
      throw new RecordingUnknownError(message, { cause })
    }
  }

  return async (promised, arrived, log) => {
    try {
      return await pending.markStored(promised, arrived)
    } catch (error) {
      const found = await look(promised, error, log)
      if (found?.status === 'pending') throw error
      const { uploadId } = promised
      log.warn({ err: error, uploadId }, 'the reply to the write was lost, and the promise is one no more')
      return found
    }
  }
}
