import type { Logger } from '../../platform/log.ts'
import type { PendingRecord } from '../../uploads/pending/pending.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import type { PublishUpload } from '../ingest/publish-upload.ts'
import { ProblemError } from '../problems/problem.ts'
import type { Arrived, ArrivedObject } from './arrived-object.ts'
import type { KeepPromise } from './confirm-reservation.ts'
import type { CleanUp, EndPending } from './end-pending.ts'
import { ArrivalRefusedError } from './errors.ts'

export interface FinishSettings {
  arrivedObject: ArrivedObject
  keepPromise: KeepPromise
  publish: PublishUpload
  endPending: EndPending
  /** Removes the object of an upload that was ended while the object was made. */
  cleanUpIfEnded: CleanUp
  /** Of the request that ends it, where requests are traced: what goes on with the upload goes on with its trace. */
  traceparent?: (() => string | undefined) | undefined
  /** Told of every upload that is accepted, once. */
  onAccepted?: (way: 'grant' | 'tus', upload: UploadRecord) => void
}

/**
 * The end that all uploads on their way have in common: the object is held to its promise, the promise becomes a record with
 * its outbox mark, and the event is published, as of any other upload. Any number of tries, one after the other or side by
 * side, end in the same record.
 *
 * Resolves to undefined where the promise was ended in the meantime.
 *
 * @param known the digest, where it is known without asking S3
 * @throws NotArrivedError, and once nothing is left of what came ArrivalRefusedError, or ProblemError for its type;
 * RecordingUnknownError where nobody can tell
 */
export type Finish = (
  promised: PendingRecord,
  log: Pick<Logger, 'warn' | 'error'>,
  known?: { sha256: string },
) => Promise<UploadRecord | undefined>

export function createFinish(settings: FinishSettings): Finish {
  const { arrivedObject, keepPromise, publish, endPending, cleanUpIfEnded, traceparent, onAccepted } = settings
  return async (promised, log, known) => {
    let arrived: Arrived
    try {
      arrived = await arrivedObject(promised, known)
    } catch (error) {
      if (error instanceof ArrivalRefusedError || error instanceof ProblemError) await endPending(promised)
      throw error
    }
    const stored = await keepPromise(promised, { ...arrived, traceparent: traceparent?.() }, log)
    if (!stored) await cleanUpIfEnded(promised)
    if (stored?.status !== 'stored') return stored
    const upload = await publish(stored, log)
    onAccepted?.(promised.arrival.way === 'tus' ? 'tus' : 'grant', upload)
    return upload
  }
}
