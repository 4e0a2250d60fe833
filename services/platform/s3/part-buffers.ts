import { HeadgateError } from '../errors.ts'

/** The memory that parts are gathered in, of all uploads of a process together. */
export interface PartBuffers {
  /** Of each. */
  readonly bytes: number
  /**
   * Waits for its turn where all are taken: who goes on before who begins, else first come first served.
   *
   * @param turn.whose nobody has all of them: a quarter is kept for others
   * @param turn.bytes more than one buffer has count as several
   * @throws NoPartBufferError where it is too long in coming
   */
  take(turn?: { whose?: string | undefined; goesOn?: boolean; bytes?: number }): Promise<Buffer>
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
  units: number
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

  const unitsOf = (length: number) => Math.max(1, Math.ceil(length / bytes))

  const mayTake = ({ whose, units }: Omit<Turn, 'come'>) =>
    taken + units <= most && (whose === undefined || (held.get(whose) ?? 0) + units <= share)

  function count(whose: string | undefined, units: number): void {
    taken += units
    if (whose === undefined) return
    const now = (held.get(whose) ?? 0) + units
    if (now > 0) held.set(whose, now)
    else held.delete(whose)
  }

  async function turnCame(wanted: Omit<Turn, 'come'>, goesOn: boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const turn: Turn = { ...wanted, come: resolve }
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
    async take({ whose, goesOn = false, bytes: wanted = bytes } = {}) {
      const turn = { whose, units: unitsOf(wanted) }
      if (mayTake(turn)) count(whose, turn.units)
      else await turnCame(turn, goesOn)
      if (turn.units > 1) return Buffer.allocUnsafeSlow(turn.units * bytes)
      return free.pop() ?? Buffer.allocUnsafeSlow(bytes)
    },
    give(buffer, whose) {
      count(whose, -unitsOf(buffer.length))
      if (buffer.length === bytes) free.push(buffer)
      for (let next = waiting.findIndex(mayTake); next !== -1; next = waiting.findIndex(mayTake)) {
        const [turn] = waiting.splice(next, 1)
        // Counted here, so that nobody takes it before its turn has been told.
        if (turn) count(turn.whose, turn.units)
        turn?.come()
      }
      while (free.length > KEPT) free.pop()
    },
  }
}
