import type { PartBuffers } from '../../platform/s3/part-buffers.ts'
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

/**
 * Takes room for a part out of the memory that all uploads share, and waits where there is none.
 *
 * @param size bytes
 * @param release fires when somebody else wants the upload, who must not wait for the memory as well
 * @throws UploadLockedError where it has
 */
export async function takeRoom(buffers: PartBuffers, size: number, release: AbortSignal): Promise<PartRoom> {
  if (size <= SMALL) return { bytes: Buffer.allocUnsafe(size), give: () => undefined }
  const buffer = await buffers.take(size, release).catch((cause: unknown) => {
    throw new UploadLockedError('Another request has taken this upload over. Ask for its offset.', { cause })
  })
  return { bytes: buffer.subarray(0, size), give: () => buffers.give(buffer) }
}
