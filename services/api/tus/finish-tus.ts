import type { Logger } from '../../platform/log.ts'
import type { TusRecord } from '../../uploads/pending/tus-store.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import type { EndPending } from '../pending/end-pending.ts'
import { NotArrivedError } from '../pending/errors.ts'
import type { Finish } from '../pending/finish.ts'
import { ProblemError } from '../problems/problem.ts'
import { UploadGoneError } from './errors.ts'
import type { RunningDigests } from './running-digests.ts'
import type { S3Parts } from './s3-parts.ts'

export interface FinishTusSettings {
  parts: S3Parts
  digests: RunningDigests
  finish: Finish
  endPending: EndPending
}

/**
 * The end of an upload whose last byte has arrived: its parts become an object, and the object is accepted. Any number of
 * times: a client that was not answered asks for the offset, and is told of the last byte only once this has succeeded.
 */
export type FinishTus = (record: TusRecord, log: Pick<Logger, 'warn' | 'error'>) => Promise<UploadRecord | undefined>

export function createFinishTus({ parts, digests, finish, endPending }: FinishTusSettings): FinishTus {
  return async (record, log) => {
    const { uploadId, size, arrival } = record
    const sha256 = digests.at(uploadId, size)?.digest('hex')
    try {
      if (size === 0) await parts.putWhole(record, new Uint8Array())
      else if (!arrival.wholeObject) await parts.complete(record)
      const accepted = await finish(record, log, sha256 === undefined ? undefined : { sha256 })
      digests.drop(uploadId)
      return accepted
    } catch (error) {
      // All of it was there. Where neither the parts nor the object are now, no waiting brings them back.
      if (error instanceof ProblemError) digests.drop(uploadId)
      const gone = error instanceof NotArrivedError ? new UploadGoneError(GONE, { cause: error }) : error
      if (gone instanceof UploadGoneError) await endPending(record)
      throw gone
    }
  }
}

const GONE = 'The file had arrived, and is no longer there. Begin anew.'
