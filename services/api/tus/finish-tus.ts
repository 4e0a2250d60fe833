import type { Logger } from '../../platform/log.ts'
import type { PartBuffers } from '../../platform/s3/part-buffers.ts'
import type { TusRecord } from '../../uploads/pending/tus-store.ts'
import { isPending, type UploadRecord } from '../../uploads/records/record.ts'
import { endPending } from '../pending/end-pending.ts'
import { NotArrivedError } from '../pending/errors.ts'
import { type FinishUploadDeps, finishUpload } from '../pending/finish-upload.ts'
import { ProblemError } from '../problems/problem.ts'
import { UploadGoneError } from './errors.ts'
import { takeRoom } from './part-room.ts'
import type { RunningDigests } from './running-digests.ts'
import type { S3Parts } from './s3-parts.ts'

export interface FinishTusDeps extends FinishUploadDeps {
  parts: S3Parts
  digests: RunningDigests
  buffers: PartBuffers
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
    else if (!arrival.wholeObject) await completeParts(deps, record)
    const accepted = await finishUpload(deps, record, log, sha256 === undefined ? undefined : { sha256 })
    digests.drop(uploadId)
    await dropTail(deps, record, log)
    return accepted
  } catch (error) {
    if (error instanceof ProblemError) digests.drop(uploadId)
    // The whole file had arrived. If neither its parts nor its object exist now, a retry can't bring them back.
    const gone = error instanceof NotArrivedError ? new UploadGoneError(GONE, { cause: error }) : error
    if (gone instanceof UploadGoneError && !(await endPending(deps, record))) {
      // Another request may have finished the upload in the meantime, and removed what this one was looking for.
      const found = await deps.pending.get(record)
      if (found && !isPending(found)) return found
    }
    throw gone
  }
}

/**
 * Makes the object. If the client announced the length only after all bytes had arrived, the last bytes are still in the tail, because no
 * request knew that they are the last.
 */
async function completeParts(deps: FinishTusDeps, record: TusRecord): Promise<void> {
  const { parts, buffers } = deps
  const { tail, multipartId, etags } = record.arrival
  if (!tail) return parts.complete(record)
  const room = await takeRoom(buffers, { bytes: tail.bytes, minBytes: tail.bytes, owner: record.owner })
  try {
    for await (const chunk of await parts.getTail(record)) room.add(chunk, 0)
    const bytes = room.filled()
    if (bytes.length !== tail.bytes)
      throw new TypeError('The size of the tail object differs from the one in the record.')
    if (multipartId === undefined) return await parts.putWhole(record, bytes)
    const etag = await parts.put(record, multipartId, etags.length + 1, bytes).catch((error: unknown) => {
      // Another request may have completed the multipart upload. The check of the object shows whether it has.
      if (error instanceof UploadGoneError) return undefined
      throw error
    })
    if (etag !== undefined) await parts.complete({ ...record, arrival: { ...record.arrival, etags: [...etags, etag] } })
  } finally {
    room.release()
  }
}

async function dropTail({ parts }: FinishTusDeps, record: TusRecord, log: Pick<Logger, 'warn'>): Promise<void> {
  const { tail } = record.arrival
  if (!tail) return
  await parts.deleteTail(record, tail.key).catch((err: unknown) => {
    log.warn({ err, key: tail.key }, 'the tail object of an upload could not be deleted')
  })
}

const GONE = 'The file had arrived, but it is no longer stored. Start the upload again.'
