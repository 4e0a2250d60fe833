import { HeadgateError } from '../errors.ts'

/** The memory that parts are gathered in, of all uploads of a process together. */
export interface PartBuffers {
  /** Of each. */
  readonly bytes: number
  /**
   * Waits for its turn where all are taken: who goes on before who begins, else first come first served.
   *
   * @param wanted.whose nobody has all of them: a quarter is kept for others
   * @param wanted.bytes more than one buffer has count as several
   * @throws NoPartBufferError where it is too long in coming, and the reason of the signal when that fires first
   */
  take(wanted?: { whose?: string | undefined; goesOn?: boolean; bytes?: number; signal?: AbortSignal }): Promise<Buffer>
  /** @param whose as it was taken */
  give(buffer: Buffer, whose?: string): void
}

/** All memory for parts was taken, for so long that a client should rather come again. The message is for the client. */
export class NoPartBufferError extends HeadgateError {
  readonly code = 'HEADGATE_NO_PART_BUFFER'
}

/** Larger parts hold more memory, smaller ones cost more time. S3 takes 10,000 for an object. */
export const PART_BYTES = 8 * 1024 ** 2

/** Buffers that are kept for later: memory that is used again need not be collected. */
const KEPT = 4

/** How long a buffer is waited for, in milliseconds: less than a connection may be silent. */
const WAIT_MS = 30_000

interface Wanted {
  whose: string | undefined
  units: number
}

interface Turn extends Wanted {
  come(): void
}

/**
 * @param most how many may be taken at a time
 * @param bytes of each
 */
export function createPartBuffers(most: number, bytes = PART_BYTES, waitMs = WAIT_MS): PartBuffers {
  const free: Buffer[] = []
  const waiting: Turn[] = []
  const held = new Map<string, number>()
  const share = Number.isFinite(most) ? Math.max(1, most - Math.max(1, Math.floor(most / 4))) : most
  let taken = 0

  /** One that is larger than all there is waits until nobody else has any. */
  const unitsOf = (length: number, whose: string | undefined) =>
    Math.min(whose === undefined ? most : share, Math.max(1, Math.ceil(length / bytes)))

  const hasShare = ({ whose, units }: Wanted) => whose === undefined || (held.get(whose) ?? 0) + units <= share

  const mayTake = (wanted: Wanted) => hasShare(wanted) && taken + wanted.units <= most

  function count(whose: string | undefined, units: number): void {
    taken += units
    if (whose === undefined) return
    const now = (held.get(whose) ?? 0) + units
    if (now > 0) held.set(whose, now)
    else held.delete(whose)
  }

  /** Those who have their share already are passed over, and nobody else is overtaken. */
  function serve(): void {
    for (let next = waiting.findIndex(hasShare); next !== -1; next = waiting.findIndex(hasShare)) {
      const turn = waiting[next]
      if (!turn || !mayTake(turn)) return
      waiting.splice(next, 1)
      // Counted here, so that nobody takes it before its turn has been told.
      count(turn.whose, turn.units)
      turn.come()
    }
  }

  async function turnCame(wanted: Wanted, goesOn: boolean, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const turn: Turn = { ...wanted, come: resolve }
    if (goesOn) waiting.unshift(turn)
    else waiting.push(turn)
    const leave = (reason: unknown) => {
      const at = waiting.indexOf(turn)
      if (at === -1) return
      waiting.splice(at, 1)
      reject(reason)
      // Who was behind it may be small enough.
      serve()
    }
    const full = 'Too many uploads are under way just now. Nothing was accepted; try again.'
    const timer = setTimeout(() => leave(new NoPartBufferError(full)), waitMs)
    const onAbort = () => leave(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    await promise.finally(() => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    })
  }

  return {
    bytes,
    async take({ whose, goesOn = false, bytes: length = bytes, signal } = {}) {
      const wanted = { whose, units: unitsOf(length, whose) }
      if (mayTake(wanted) && (goesOn || !waiting.some(hasShare))) count(whose, wanted.units)
      else {
        signal?.throwIfAborted()
        await turnCame(wanted, goesOn, signal)
      }
      if (length > bytes) return Buffer.allocUnsafeSlow(length)
      return free.pop() ?? Buffer.allocUnsafeSlow(bytes)
    },
    give(buffer, whose) {
      count(whose, -unitsOf(buffer.length, whose))
      if (buffer.length === bytes) free.push(buffer)
      serve()
      while (free.length > KEPT) free.pop()
    },
  }
}
