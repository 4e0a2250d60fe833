import type { PartBuffers } from '../../platform/s3/part-buffers.ts'

/** Memory that the parts of one upload are gathered in. */
export interface PartMemory {
  /** @throws NoPartBufferError where none is to be had */
  take(bytes: number): Promise<Buffer>
  give(part: Buffer): void
}

/** Less is gathered outside of the memory that is shared, as of the other ways, in bytes. */
const SMALL = 128 * 1024

/** Of what all uploads of the process share, so that ever so many of them at a time take no more. */
export function createPartMemory(buffers: PartBuffers, owner: string): PartMemory {
  const wholes = new Map<Buffer, Buffer>()
  let goesOn = false
  return {
    async take(bytes) {
      if (bytes <= SMALL) return Buffer.allocUnsafe(bytes)
      const whole = await buffers.take({ whose: owner, goesOn, bytes })
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
