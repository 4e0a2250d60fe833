import type { Logger } from '../../platform/log.ts'
import type { UploadRecord } from '../../uploads/record.ts'
import type { TusRecord } from '../../uploads/tus-store.ts'
import type { EndPending } from '../pending/end-pending.ts'
import { ArrivalRefusedError } from '../pending/errors.ts'
import type { Finish } from '../pending/finish.ts'
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
    if (size === 0) await parts.putWhole(record, new Uint8Array())
    else if (!arrival.wholeObject) await completeOrEnd(record)
    const sha256 = digests.at(uploadId, size)?.digest('hex')
    const accepted = await finish(record, log, sha256 === undefined ? undefined : { sha256 })
    digests.drop(uploadId)
    return accepted
  }

  async function completeOrEnd(record: TusRecord): Promise<void> {
    try {
      await parts.complete(record)
    } catch (error) {
      if (error instanceof ArrivalRefusedError) await endPending(record)
      throw error
    }
  }
}
