import type { PartBuffers } from '../../platform/s3/part-buffers.ts'
import { UploadLockedError } from './errors.ts'

/** Memory that the parts of one upload are gathered in. */
export interface PartMemory {
  /** @throws NoPartBufferError where none is to be had, UploadLockedError where somebody else wants the upload meanwhile */
  take(bytes: number): Promise<Buffer>
  give(part: Buffer): void
}

/** Less is gathered outside of the memory that is shared, as of the other ways, in bytes. */
const SMALL = 128 * 1024

/**
 * Of what all uploads of the process share, so that ever so many of them at a time take no more.
 *
 * @param release fires when another request wants the upload, which must not wait for the memory of this one as well
 */
export function createPartMemory(buffers: PartBuffers, owner: string, release: AbortSignal): PartMemory {
  const wholes = new Map<Buffer, Buffer>()
  let goesOn = false

  async function unlessReleased(wanted: Promise<Buffer>): Promise<Buffer> {
    const { promise: released, reject } = Promise.withResolvers<never>()
    const giveUp = () =>
      reject(new UploadLockedError('Another request has taken this upload over. Ask for its offset.'))
    if (release.aborted) giveUp()
    release.addEventListener('abort', giveUp, { once: true })
    try {
      return await Promise.race([wanted, released])
    } catch (error) {
      // Should its turn come yet, it is the next one's.
      wanted.then(
        whole => buffers.give(whole, owner),
        () => undefined,
      )
      throw error
    } finally {
      release.removeEventListener('abort', giveUp)
    }
  }

  return {
    async take(bytes) {
      if (bytes <= SMALL) return Buffer.allocUnsafe(bytes)
      const whole = await unlessReleased(buffers.take({ whose: owner, goesOn, bytes }))
      goesOn = true
      const part = whole.subarray(0, bytes)
      wholes.set(part, whole)
      return part
    },
    give(part) {
      const whole = wholes.get(part)
      if (whole && wholes.delete(part)) buffers.give(whole, owner)
    },
  }
}
