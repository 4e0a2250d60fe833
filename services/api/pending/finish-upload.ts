import type { Logger } from '../../platform/log.ts'
import type { PendingRecord } from '../../uploads/pending/pending.ts'
import type { PendingStore } from '../../uploads/pending/pending-store.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import { type PublishUploadDeps, publishUpload } from '../ingest/publish-upload.ts'
import { inspectorOfReservation } from '../policies/policies.ts'
import { ProblemError } from '../problems/problem.ts'
import { confirmReservation } from './confirm-reservation.ts'
import { type CleanUp, cleanUpIfEnded, endPending } from './end-pending.ts'
import { ArrivalRefusedError } from './errors.ts'
import { type VerifiedObject, type VerifyObjectDeps, verifyObject } from './verify-object.ts'

export interface FinishUploadDeps extends VerifyObjectDeps, PublishUploadDeps {
  pending: PendingStore
  cleanUp: CleanUp
  /** Returns the `traceparent` of the current request, if requests are traced. The upload continues in its trace. */
  traceparent: () => string | undefined
  /** Called once for every accepted upload. */
  onAccepted: (method: 'grant' | 'tus', upload: UploadRecord) => void
}

/**
 * Finishes a pending upload: compares the object with its reservation, turns the reservation into a record with an outbox mark,
 * and publishes the event. All pending uploads end here. Repeated and concurrent calls end in the same record.
 *
 * Resolves to undefined if the upload was ended in the meantime.
 *
 * @param known the SHA-256 of the object, if it is known without asking S3
 * @throws NotArrivedError
 * @throws ArrivalRefusedError, or ProblemError for the type of the file, after everything of the upload was removed
 * @throws RecordingUnknownError if it is unknown whether the upload is recorded
 */
export async function finishUpload(
  deps: FinishUploadDeps,
  reservation: PendingRecord,
  log: Pick<Logger, 'warn' | 'error'>,
  known?: { sha256: string },
): Promise<UploadRecord | undefined> {
  let object: VerifiedObject
  try {
    const inspector = inspectorOfReservation(reservation, deps.inspector)
    object = await verifyObject({ ...deps, inspector }, reservation, known)
  } catch (error) {
    if (error instanceof ArrivalRefusedError || error instanceof ProblemError) await endPending(deps, reservation)
    throw error
  }
  const stored = await confirmReservation(deps, reservation, { ...object, traceparent: deps.traceparent() }, log)
  if (!stored) await cleanUpIfEnded(deps, reservation)
  if (stored?.status !== 'stored') return stored
  const upload = await publishUpload(deps, stored, log)
  deps.onAccepted(reservation.arrival.way === 'tus' ? 'tus' : 'grant', upload)
  return upload
}
