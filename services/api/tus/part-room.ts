import { NoPartBufferError } from '../../platform/s3/memory-pool.ts'
import { createPartBuffers, type PartBuffers, type PartRoom, type RoomWanted } from '../../platform/s3/part-buffers.ts'
import { UploadLockedError } from './errors.ts'

/** What is no larger has memory of its own, in bytes: small files must not wait for large ones. */
const SMALL = 128 * 1024

const smallBuffers = createPartBuffers(Number.POSITIVE_INFINITY)

/**
 * Takes room for a part out of the memory that all uploads share, and waits where there is none.
 *
 * @param wanted.signal fires when another request wants the upload, which must not wait for the memory as well
 * @throws UploadLockedError where another request wants the upload, NoPartBufferError where the wait is too long
 */
export async function takeRoom(buffers: PartBuffers, wanted: RoomWanted & { bytes: number }): Promise<PartRoom> {
  if (wanted.bytes <= SMALL) return smallBuffers.take({ bytes: wanted.bytes })
  return buffers.take(wanted).catch(takenOver)
}

/** Makes room for the whole part. @throws what takeRoom throws */
export async function growRoom(room: PartRoom): Promise<void> {
  await room.grow().catch(takenOver)
}

function takenOver(cause: unknown): never {
  if (cause instanceof NoPartBufferError) throw cause
  throw new UploadLockedError('Another request has taken this upload over. Ask for its offset.', { cause })
}
