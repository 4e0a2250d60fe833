import type { BodyPace } from './body-pace.ts'
import { createMemoryPool, type MemoryLease, NoPartBufferError } from './memory-pool.ts'

/** The memory that parts are gathered in, of all uploads of a process together. */
export interface PartBuffers {
  /** Size of a whole part, in bytes. */
  readonly bytes: number
  /**
   * Takes room for a part, and waits where there is none.
   *
   * @throws NoPartBufferError where the wait is too long, and the reason of the signal when that fires first
   */
  take(wanted?: RoomWanted): Promise<PartRoom>
}

export interface RoomWanted {
  /** The most that the part can hold, in bytes. Left out, a whole part. */
  bytes?: number | undefined
  /** How much of it is there already, in bytes: no smaller room is of use. */
  atOnce?: number
  whose?: string | undefined
  pace?: BodyPace | undefined
  /** True for an upload that has filled a part before. */
  goesOn?: boolean
  signal?: AbortSignal | undefined
}

/** Where a part is filled. */
export interface PartRoom {
  /** True once the part is whole. */
  readonly isFull: boolean
  /** What the part holds so far. */
  filled(): Buffer
  /** Copies from `chunk`, beginning at `from`, as much as there is room for. Returns where the rest begins. */
  add(chunk: Uint8Array, from: number): number
  /**
   * Makes room for the whole part, where there is not. It waits like `take`.
   *
   * @throws what `take` throws
   */
  grow(): Promise<void>
  /** Gives the memory back. Nothing may be read from the room after it. */
  give(): void
}

/** Larger parts hold more memory, smaller ones cost more time. S3 takes 10,000 for an object. */
export const PART_BYTES = 8 * 1024 ** 2

/** The first room of an upload, in bytes: a client that has sent less must not hold a whole part. */
const FIRST_BYTES = 256 * 1024

/** How much of the memory first rooms have, as a fraction. They never wait for each other's growth, which could last for ever. */
const FIRST_PART = 1 / 4

/** Buffers of each size that are kept for later: memory that is used again need not be collected. */
const KEPT = 4

/** How long an upload that waits to grow keeps its first room while others wait for one, in milliseconds. */
const GROW_MS = 4_000

/** The longest wait for memory, in milliseconds: API Gateway gives a request up after 29 s, and the answer must come before. */
const WAIT_MS = 20_000

export interface PartBuffersSettings {
  partBytes?: number
  firstBytes?: number
  waitMs?: number
}

/** @param memory all that may be taken at a time, in bytes */
export function createPartBuffers(
  memory: number,
  { partBytes = PART_BYTES, firstBytes = FIRST_BYTES, waitMs = WAIT_MS }: PartBuffersSettings = {},
): PartBuffers {
  const isBounded = Number.isFinite(memory)
  const firstMemory = Math.floor(memory * FIRST_PART)
  const wholeMemory = memory - (isBounded ? firstMemory : 0)
  const reserve = isBounded && wholeMemory >= 2 * partBytes ? Math.max(partBytes, wholeMemory / 4) : 0
  const firsts = createMemoryPool({ bytes: firstMemory, reserve: 0, waitMs })
  const wholes = createMemoryPool({ bytes: wholeMemory, reserve, waitMs })
  const kept = new Map<number, Buffer[]>([
    [partBytes, []],
    [firstBytes, []],
  ])

  const allocate = (bytes: number) => kept.get(bytes)?.pop() ?? Buffer.allocUnsafeSlow(bytes)

  function keep(buffer: Buffer): void {
    const same = kept.get(buffer.length)
    if (same && same.length < KEPT) same.push(buffer)
  }

  return {
    bytes: partBytes,
    async take({ bytes: size = partBytes, atOnce = 0, goesOn = false, ...owner } = {}) {
      const isFirst = isBounded && !goesOn && atOnce < firstBytes
      const bytes = isFirst ? Math.min(firstBytes, size) : size
      const growth = createGrowth(owner.pace)
      const wanted = { bytes, goesOn, ...owner }
      let lease: MemoryLease = isFirst ? await firsts.take({ ...wanted, pace: growth.pace }) : await wholes.take(wanted)
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
          const larger = await growth.wait(signal => wholes.take({ bytes: size, ...owner, signal }), owner.signal)
          const small = buffer
          buffer = allocate(size)
          buffer.set(small.subarray(0, length))
          keep(small)
          lease.give()
          lease = larger
        },
        give() {
          keep(buffer)
          lease.give()
        },
      }
    },
  }
}

/**
 * Watches an upload in its first room. One that waits to grow is not waited for by us, and would keep its room from others for
 * as long as it waits: after a while it counts as slow.
 */
function createGrowth(client: BodyPace | undefined) {
  let since: number | undefined
  let stop: AbortController | undefined
  const isStuck = () => since !== undefined && performance.now() - since >= GROW_MS
  const pace: BodyPace = {
    isStuck,
    isAwaited: () => isStuck() || (client?.isAwaited() ?? false),
    rate: () => (isStuck() ? 0 : (client?.rate() ?? Number.POSITIVE_INFINITY)),
    giveUp(error) {
      if (since === undefined) client?.giveUp(error)
      else stop?.abort(new NoPartBufferError(NO_GROWTH))
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

const NO_GROWTH = 'Too many uploads are in progress. Nothing was accepted; try again.'
