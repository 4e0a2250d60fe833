import { NoPartBufferError } from '../../platform/s3/memory-pool.ts'
import { createPartBuffers, type PartBuffers, type PartRoom, type RoomRequest } from '../../platform/s3/part-buffers.ts'
import { UploadLockedError } from './errors.ts'

/** Parts up to this size, in bytes, use memory that is not shared, because small files must not wait for large ones. */
const SMALL = 128 * 1024

const smallBuffers = createPartBuffers(Number.POSITIVE_INFINITY)

/**
 * Takes memory for a part from the memory that all uploads share. Waits if none is free.
 *
 * @param wanted.signal aborts the wait when another request wants the upload
 * @throws UploadLockedError if another request wants the upload
 * @throws NoPartBufferError if the wait takes too long
 */
export async function takeRoom(buffers: PartBuffers, wanted: RoomRequest & { bytes: number }): Promise<PartRoom> {
  if (wanted.bytes <= SMALL) return smallBuffers.take({ bytes: wanted.bytes })
  return buffers.take(wanted).catch(toLockedError)
}

/** Grows the memory to the full size of the part. @throws the errors of `takeRoom` */
export async function growRoom(room: PartRoom): Promise<void> {
  await room.grow().catch(toLockedError)
}

function toLockedError(cause: unknown): never {
  if (cause instanceof NoPartBufferError) throw cause
  throw new UploadLockedError('Another request has taken this upload over. Ask for its offset.', { cause })
}
