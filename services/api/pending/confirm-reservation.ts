import { cleanUp } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { PendingRecord } from '../../uploads/pending/pending.ts'
import type { PendingStore } from '../../uploads/pending/pending-store.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import { RecordingUnknownError } from '../ingest/errors.ts'
import type { VerifiedObject } from './verify-object.ts'

export interface ConfirmReservationDeps {
  pending: Pick<PendingStore, 'markStored' | 'get'>
}

type Log = Pick<Logger, 'warn' | 'error'>

/** Timeout for reading a record whose write failed, in milliseconds. */
const READ_TIMEOUT_MS = 3_000

/**
 * Turns a reservation into the record of an upload. Resolves to undefined if the reservation has ended.
 *
 * A write that fails may still have reached DynamoDB, for example when its response was lost. The relay then publishes the upload, and
 * the client must not be told that nothing was accepted. So the record is read after a failed write.
 *
 * @throws the error of the write if the upload is still pending
 * @throws RecordingUnknownError if the record can't be read either
 */
export async function confirmReservation(
  deps: ConfirmReservationDeps,
  reservation: PendingRecord,
  object: VerifiedObject & { traceparent?: string | undefined },
  log: Log,
): Promise<UploadRecord | undefined> {
  try {
    return await deps.pending.markStored(reservation, object)
  } catch (error) {
    const found = await readRecord(deps, reservation, error, log)
    if (found?.status === 'pending') throw error
    const { uploadId } = reservation
    log.warn({ err: error, uploadId }, 'the response to the write was lost, but the upload is no longer pending')
    return found
  }
}

async function readRecord({ pending }: ConfirmReservationDeps, reservation: PendingRecord, cause: unknown, log: Log) {
  try {
    return await cleanUp(() => pending.get(reservation, AbortSignal.timeout(READ_TIMEOUT_MS)))
  } catch (err) {
    log.error({ err, uploadId: reservation.uploadId }, 'it is unknown whether the upload is recorded')
    const message =
      'It is unknown whether the upload was accepted. Repeat this request. You need not send the file again.'
    throw new RecordingUnknownError(message, { cause })
  }
}
