import type { BodyPace } from './body-pace.ts'
import { createMemoryPool, FULL_DETAIL, type MemoryLease, NoPartBufferError } from './memory-pool.ts'

/** The buffers for the parts of all uploads of a process. */
export interface PartBuffers {
  /** Size of a full part, in bytes. */
  readonly bytes: number
  /**
   * Takes room for a part. Waits if no memory is free.
   *
   * @throws NoPartBufferError after the maximum wait
   * @throws the reason of the signal if the signal fires first
   */
  take(request?: RoomRequest): Promise<PartRoom>
}

export interface RoomRequest {
  /** Maximum size of the part, in bytes. @default a full part */
  bytes?: number | undefined
  /** Minimum size of the room, in bytes, for a part of which this much has arrived already. @default 0 */
  minBytes?: number
  owner?: string | undefined
  pace?: BodyPace | undefined
  /** True for an upload that has filled a part before. @default false */
  isContinuing?: boolean
  signal?: AbortSignal | undefined
}

/** A buffer that one part is filled in. */
export interface PartRoom {
  /** True once the part has its maximum size. */
  readonly isFull: boolean
  /** Returns the bytes that were added so far. */
  filled(): Buffer
  /** Copies as much of `chunk`, from the offset `from`, as there is room for. Returns the offset of the rest. */
  add(chunk: Uint8Array, from: number): number
  /**
   * Enlarges the room to the maximum size of the part. Waits and throws as `take` does.
   */
  grow(): Promise<void>
  /** Returns the memory. Do not use the bytes of `filled` afterwards. */
  release(): void
}

/** Larger parts need more memory, and smaller parts take more time. S3 allows 10,000 parts for an object. */
export const PART_BYTES = 8 * 1024 ** 2

/** Size of the first room of an upload, in bytes. A client that has sent less must not hold the memory of a full part. */
const FIRST_BYTES = 256 * 1024

/** The share of the memory for first rooms. It is separate, so that no first room waits for another upload to grow, which may never happen. */
const FIRST_SHARE = 1 / 4

/** Maximum number of unused buffers of each size that are kept for reuse, which spares garbage collection. */
const MAX_SPARE = 4

/** How long an upload can wait to grow before it counts as stuck and can be evicted, in milliseconds. */
const GROW_MS = 4_000

/** Maximum wait for memory, in milliseconds. API Gateway ends a request after 29 s, and the response must come before. */
const WAIT_MS = 20_000

export interface PartBuffersSettings {
  partBytes?: number
  firstBytes?: number
  waitMs?: number
}

/** @param memory total size of the rooms that can be held at a time, in bytes */
export function createPartBuffers(
  memory: number,
  { partBytes = PART_BYTES, firstBytes = FIRST_BYTES, waitMs = WAIT_MS }: PartBuffersSettings = {},
): PartBuffers {
  const isBounded = Number.isFinite(memory)
  const firstMemory = Math.floor(memory * FIRST_SHARE)
  const fullMemory = memory - (isBounded ? firstMemory : 0)
  const reserve = isBounded && fullMemory >= 2 * partBytes ? Math.max(partBytes, fullMemory / 4) : 0
  const firstPool = createMemoryPool({ bytes: firstMemory, reserve: 0, waitMs })
  const fullPool = createMemoryPool({ bytes: fullMemory, reserve, waitMs })
  const spare = new Map<number, Buffer[]>([
    [partBytes, []],
    [firstBytes, []],
  ])

  const allocate = (bytes: number) => spare.get(bytes)?.pop() ?? Buffer.allocUnsafeSlow(bytes)

  function keep(buffer: Buffer): void {
    const sameSize = spare.get(buffer.length)
    if (sameSize && sameSize.length < MAX_SPARE) sameSize.push(buffer)
  }

  return {
    bytes: partBytes,
    async take({ bytes: size = partBytes, minBytes = 0, isContinuing = false, owner, pace, signal } = {}) {
      const isFirst = isBounded && !isContinuing && minBytes < firstBytes
      const bytes = isFirst ? Math.min(firstBytes, size) : size
      const growth = createGrowth(pace)
      const request = { bytes, isContinuing, owner, signal }
      let lease: MemoryLease = isFirst
        ? await firstPool.take({ ...request, pace: growth.pace })
        : await fullPool.take({ ...request, pace })
      let buffer = allocate(bytes)
      let length = 0
      return {
        get isFull() {
          return length === size
        },
        filled: () => buffer.subarray(0, length),
        add(chunk, from) {
          const copied = Math.min(chunk.byteLength - from, buffer.length - length)
          const isWhole = from === 0 && copied === chunk.byteLength
          buffer.set(isWhole ? chunk : chunk.subarray(from, from + copied), length)
          length += copied
          return from + copied
        },
        async grow() {
          if (buffer.length === size) return
          const larger = await growth.wait(ended => fullPool.take({ bytes: size, owner, pace, signal: ended }), signal)
          const small = buffer
          buffer = allocate(size)
          buffer.set(small.subarray(0, length))
          keep(small)
          lease.release()
          lease = larger
        },
        release() {
          keep(buffer)
          lease.release()
        },
      }
    },
  }
}

/**
 * Watches an upload in its first room. While the upload waits to grow, its client is not the one who is slow, and the upload
 * would keep its room from others. So after `GROW_MS` the upload counts as stuck and can be evicted.
 */
function createGrowth(client: BodyPace | undefined) {
  let since: number | undefined
  let stop: AbortController | undefined
  const isStuck = () => since !== undefined && performance.now() - since >= GROW_MS
  const pace: BodyPace = {
    isStuck,
    isAwaited: () => isStuck() || (client?.isAwaited() ?? false),
    rate: () => (isStuck() ? 0 : (client?.rate() ?? Number.POSITIVE_INFINITY)),
    abort(error) {
      if (since === undefined) client?.abort(error)
      else stop?.abort(new NoPartBufferError(FULL_DETAIL))
    },
  }
  return {
    pace,
    async wait<T>(take: (signal: AbortSignal) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
      stop = new AbortController()
      const onAbort = () => stop?.abort(signal?.reason)
      signal?.addEventListener('abort', onAbort)
      since = performance.now()
      try {
        return await take(stop.signal)
      } finally {
        since = undefined
        signal?.removeEventListener('abort', onAbort)
      }
    },
  }
}
