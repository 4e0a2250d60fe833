import { NoPartBufferError, type PartBuffers } from '../../platform/s3/part-buffers.ts'
import { UploadLockedError } from './errors.ts'

/** Where a part is filled. */
export interface PartRoom {
  /** As long as the part may become. */
  readonly bytes: Buffer
  /** After which it is another's. */
  give(): void
}

/** What is no larger has memory of its own, in bytes: small files must not wait for large ones. */
const SMALL = 128 * 1024

export interface RoomWanted {
  /** Bytes. */
  size: number
  owner: string
  /** Whether the request has filled a part before. */
  goesOn: boolean
  /** Fires when somebody else wants the upload, who must not wait for the memory as well. */
  release: AbortSignal
}

/**
 * Takes room for a part out of the memory that all uploads share, and waits where there is none.
 *
 * @throws UploadLockedError where somebody else wants the upload, NoPartBufferError where there is none for too long
 */
export async function takeRoom(buffers: PartBuffers, { size, owner, goesOn, release }: RoomWanted): Promise<PartRoom> {
  if (size <= SMALL) return { bytes: Buffer.allocUnsafe(size), give: () => undefined }
  const wanted = { whose: owner, goesOn, bytes: size, signal: release }
  const buffer = await buffers.take(wanted).catch((cause: unknown) => {
    if (cause instanceof NoPartBufferError) throw cause
    throw new UploadLockedError('Another request has taken this upload over. Ask for its offset.', { cause })
  })
  return { bytes: buffer.subarray(0, size), give: () => buffers.give(buffer, owner) }
}
