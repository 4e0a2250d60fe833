/** The memory that parts are gathered in, of all uploads of a process together. */
export interface PartBuffers {
  /** Of each. */
  readonly bytes: number
  /** Waits for its turn, first come first served, where all are taken. */
  take(): Promise<Buffer>
  give(buffer: Buffer): void
}

/** Larger parts hold more memory, smaller ones cost more time. S3 takes 10,000 for an object. */
export const PART_BYTES = 8 * 1024 ** 2

/** Buffers that are kept for later: memory that is used again need not be collected. */
const KEPT = 4

/**
 * @param most how many may be taken at a time
 * @param bytes of each
 */
export function createPartBuffers(most: number, bytes = PART_BYTES): PartBuffers {
  const free: Buffer[] = []
  const waiting: Array<(buffer: Buffer) => void> = []
  let taken = 0
  return {
    bytes,
    async take() {
      if (taken >= most) return await new Promise(resolve => waiting.push(resolve))
      taken++
      return free.pop() ?? Buffer.allocUnsafeSlow(bytes)
    },
    give(buffer) {
      const next = waiting.shift()
      if (next) return next(buffer)
      taken--
      if (free.length < KEPT) free.push(buffer)
    },
  }
}
