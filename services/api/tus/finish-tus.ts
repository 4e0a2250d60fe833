import type { Logger } from '../../platform/log.ts'
import type { TusRecord } from '../../uploads/pending/tus-store.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import { endPending } from '../pending/end-pending.ts'
import { NotArrivedError } from '../pending/errors.ts'
import { type FinishUploadDeps, finishUpload } from '../pending/finish-upload.ts'
import { ProblemError } from '../problems/problem.ts'
import { UploadGoneError } from './errors.ts'
import type { RunningDigests } from './running-digests.ts'
import type { S3Parts } from './s3-parts.ts'

export interface FinishTusDeps extends FinishUploadDeps {
  parts: S3Parts
  digests: RunningDigests
}

/**
 * Finishes an upload whose last byte has arrived: makes an object from its parts, and accepts it. May be repeated: a client that got
 * no response asks for the offset, and the api reports the full offset only after this has succeeded.
 */
export async function finishTus(
  deps: FinishTusDeps,
  record: TusRecord,
  log: Pick<Logger, 'warn' | 'error'>,
): Promise<UploadRecord | undefined> {
  const { parts, digests } = deps
  const { uploadId, size, arrival } = record
  const sha256 = digests.at(uploadId, size)?.digest('hex')
  try {
    if (size === 0) await parts.putWhole(record, new Uint8Array())
    else if (!arrival.wholeObject) await parts.complete(record)
    const accepted = await finishUpload(deps, record, log, sha256 === undefined ? undefined : { sha256 })
    digests.drop(uploadId)
    return accepted
  } catch (error) {
    if (error instanceof ProblemError) digests.drop(uploadId)
    // The whole file had arrived. If neither its parts nor its object exist now, a retry can't bring them back.
    const gone = error instanceof NotArrivedError ? new UploadGoneError(GONE, { cause: error }) : error
    if (gone instanceof UploadGoneError) await endPending(deps, record)
    throw gone
  }
}

const GONE = 'The file had arrived, but it is no longer stored. Start the upload again.'
