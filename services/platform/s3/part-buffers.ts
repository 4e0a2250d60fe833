/** The memory that parts are gathered in, of all uploads of a process together. */
export interface PartBuffers {
  /** Of each. */
  readonly bytes: number
  /**
   * Waits for its turn, first come first served, where all are taken. A buffer of more bytes than `bytes` counts as several.
   *
   * Rejects with the signal's reason when it fires first.
   */
  take(bytes?: number, signal?: AbortSignal): Promise<Buffer>
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
  const waiting = new Set<{ wanted: number; go: (buffer: Buffer) => void }>()
  let taken = 0

  // One that is larger than all there is waits until nobody else has any.
  const countOf = (wanted: number) => Math.min(most, Math.ceil(wanted / bytes))

  function make(wanted: number): Buffer {
    taken += countOf(wanted)
    return (wanted <= bytes && free.pop()) || Buffer.allocUnsafeSlow(Math.max(wanted, bytes))
  }

  function serveNext(): void {
    for (const next of waiting) {
      if (taken + countOf(next.wanted) > most) return
      waiting.delete(next)
      next.go(make(next.wanted))
    }
  }

  return {
    bytes,
    async take(wanted = bytes, signal) {
      if (waiting.size === 0 && taken + countOf(wanted) <= most) return make(wanted)
      signal?.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
      const place = { wanted, go: resolve }
      const leave = () => {
        if (!waiting.delete(place)) return
        reject(signal?.reason)
        serveNext()
      }
      waiting.add(place)
      signal?.addEventListener('abort', leave, { once: true })
      return promise.finally(() => signal?.removeEventListener('abort', leave))
    },
    give(buffer) {
      taken -= countOf(buffer.length)
      if (buffer.length === bytes && free.length < KEPT) free.push(buffer)
      serveNext()
    },
  }
}
