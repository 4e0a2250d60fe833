import { HeadgateError } from '../errors.ts'

/** The memory that parts are gathered in, of all uploads of a process together. */
export interface PartBuffers {
  /** Of each. */
  readonly bytes: number
  /**
   * Waits for its turn where all are taken: who goes on before who begins, else first come first served.
   *
   * @param whose nobody has all of them: a quarter is kept for others
   * @throws NoPartBufferError where it is too long in coming
   */
  take(turn?: { whose?: string | undefined; goesOn?: boolean }): Promise<Buffer>
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

interface Turn {
  whose: string | undefined
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

  const mayTake = (whose: string | undefined) => taken < most && (whose === undefined || (held.get(whose) ?? 0) < share)

  function count(whose: string | undefined, by: 1 | -1): void {
    taken += by
    if (whose === undefined) return
    const now = (held.get(whose) ?? 0) + by
    if (now > 0) held.set(whose, now)
    else held.delete(whose)
  }

  async function turnCame(whose: string | undefined, goesOn: boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const turn: Turn = { whose, come: resolve }
    if (goesOn) waiting.unshift(turn)
    else waiting.push(turn)
    const timer = setTimeout(() => {
      waiting.splice(waiting.indexOf(turn), 1)
      reject(new NoPartBufferError('Too many uploads are under way just now. Nothing was accepted; try again.'))
    }, waitMs)
    await promise.finally(() => clearTimeout(timer))
  }

  return {
    bytes,
    async take({ whose, goesOn = false } = {}) {
      if (mayTake(whose)) count(whose, 1)
      else await turnCame(whose, goesOn)
      return free.pop() ?? Buffer.allocUnsafeSlow(bytes)
    },
    give(buffer, whose) {
      count(whose, -1)
      free.push(buffer)
      const next = waiting.findIndex(turn => mayTake(turn.whose))
      if (next !== -1) {
        const [turn] = waiting.splice(next, 1)
        // Counted here, so that nobody takes it before its turn has been told.
        count(turn?.whose, 1)
        turn?.come()
      }
      while (free.length > KEPT) free.pop()
    },
  }
}
