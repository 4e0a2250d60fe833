import { HeadgateError } from '../errors.ts'
import type { BodyPace } from './body-pace.ts'

/** A bounded amount of memory that uploads share. It counts bytes; the buffers are the caller's. */
export interface MemoryPool {
  /**
   * Takes memory, and waits where there is none. While an upload waits, the ones that hold memory must be fast: the slowest
   * are given up. Free memory goes first to the owner who holds the least and was not slow of late.
   *
   * @throws NoPartBufferError after the longest wait, and the reason of the signal when that fires first
   */
  take(wanted: MemoryWanted): Promise<MemoryLease>
}

export interface MemoryWanted {
  bytes: number
  /** No owner gets all of the memory: a quarter is kept for others. */
  whose?: string | undefined
  /** How fast the client is. Without it, the upload is not given up for being slow. */
  pace?: BodyPace | undefined
  /** True for an upload that has filled a part before. */
  goesOn?: boolean | undefined
  signal?: AbortSignal | undefined
}

export interface MemoryLease {
  /** Gives the memory back. Once. */
  give(): void
}

/** All memory for parts was taken, for so long that a client should rather come again. The message is for the client. */
export class NoPartBufferError extends HeadgateError {
  readonly code = 'HEADGATE_NO_PART_BUFFER'
}

/** An upload was given up because it held memory, came slowly, and others waited. The message is for the client. */
export class SlowUploadError extends HeadgateError {
  readonly code = 'HEADGATE_SLOW_UPLOAD'
}

export interface MemoryPoolSettings {
  bytes: number
  /** How much of it only fast clients get, in bytes. */
  reserve: number
  /** The longest wait, in milliseconds. */
  waitMs: number
}

/** Bytes per second that keep an upload its memory while others wait. A client on a bad mobile network is faster. */
const SLOW = 64 * 1024

/** Bytes per second that are needed for the reserve. It fills a part in 16 s, so that the reserve is never held for long. */
const FAST = 512 * 1024

/** How often waiting uploads look for slow ones, in milliseconds. */
const LOOK_MS = 200

/** What going on is worth against another owner's upload that begins, in bytes that the owner holds. */
const GOES_ON_BYTES = 24 * 1024 ** 2

/** What an upload that was given up counts against its owner's next ones, in bytes held, and for how long, in milliseconds. */
const GIVEN_UP_BYTES = 32 * 1024 ** 2
const GIVEN_UP_MS = 60_000

/** Owners that are remembered for it. Past that the oldest are forgotten. */
const MAX_REMEMBERED = 10_000

interface Claim {
  bytes: number
  whose: string | undefined
  pace: BodyPace | undefined
}

interface Holder extends Claim {
  /** Bytes per second under which it may lose its memory. */
  required: number
  isGivenUp: boolean
}

interface Turn extends Claim {
  goesOn: boolean
  come(holder: Holder): void
}

export function createMemoryPool({ bytes: total, reserve, waitMs }: MemoryPoolSettings): MemoryPool {
  const holders = new Set<Holder>()
  const waiting: Turn[] = []
  const held = new Map<string, number>()
  /** When an upload of an owner was last given up. The oldest are first. */
  const slowOwners = new Map<string, number>()
  let taken = 0
  let timer: NodeJS.Timeout | undefined
  const share = Math.floor((total * 3) / 4)

  const rateOf = ({ pace }: Claim) => pace?.rate() ?? Number.POSITIVE_INFINITY
  const wasSlow = (whose: string | undefined) =>
    whose !== undefined && (slowOwners.get(whose) ?? Number.NEGATIVE_INFINITY) > performance.now() - GIVEN_UP_MS
  const isFast = (claim: Claim) => rateOf(claim) >= FAST && !wasSlow(claim.whose)
  const heldBy = (whose: string | undefined) => (whose === undefined ? 0 : (held.get(whose) ?? 0))
  const limitOf = (claim: Claim) => (isFast(claim) ? total : total - reserve)
  const hasShare = ({ whose, bytes }: Claim) => whose === undefined || heldBy(whose) + bytes <= share
  const fits = (claim: Claim) => hasShare(claim) && taken + claim.bytes <= limitOf(claim)

  /** An upload that needs more than there is counts as all there is: it waits until nobody else has any. */
  const charged = (bytes: number, whose: string | undefined) =>
    Math.min(bytes, whose === undefined ? total : Math.min(share, total - reserve))

  function count(whose: string | undefined, bytes: number): void {
    taken += bytes
    if (whose === undefined) return
    const now = heldBy(whose) + bytes
    if (now > 0) held.set(whose, now)
    else held.delete(whose)
  }

  function hold({ bytes, whose, pace }: Claim): Holder {
    const holder = {
      bytes,
      whose,
      pace,
      required: taken + bytes > total - reserve ? FAST : SLOW,
      isGivenUp: false,
    }
    count(whose, bytes)
    holders.add(holder)
    return holder
  }

  function lease(holder: Holder): MemoryLease {
    return {
      give() {
        if (!holders.delete(holder)) return
        count(holder.whose, -holder.bytes)
        serve()
      },
    }
  }

  function giveUp(holder: Holder): void {
    holder.isGivenUp = true
    const { whose, pace } = holder
    // Being stuck is no fault of the client.
    if (whose !== undefined && !pace?.isStuck?.()) {
      slowOwners.delete(whose)
      slowOwners.set(whose, performance.now())
      const [oldest] = slowOwners.keys()
      if (slowOwners.size > MAX_REMEMBERED && oldest !== undefined) slowOwners.delete(oldest)
    }
    pace?.giveUp(new SlowUploadError(SLOW_DETAIL))
  }

  /**
   * The turns in the order in which they are served. Among equals that begin the newest is first: in an overload the oldest
   * would be served when their clients no longer wait, and a queue of attackers would be in front of everybody.
   */
  function inOrder(turns: readonly Turn[]): Turn[] {
    const cost = ({ whose, goesOn }: Turn) =>
      heldBy(whose) + (wasSlow(whose) ? GIVEN_UP_BYTES : 0) - (goesOn ? GOES_ON_BYTES : 0)
    return turns
      .map((turn, place) => ({ turn, cost: cost(turn), place: turn.goesOn ? place : -place }))
      .sort((a, b) => a.cost - b.cost || a.place - b.place)
      .map(({ turn }) => turn)
  }

  /** Owners who have their share already are skipped. Of the others only the first is served, or the first fast one. */
  function serve(): void {
    while (waiting.length > 0) {
      const able = inOrder(waiting.filter(hasShare))
      const next = [able[0], able.find(isFast)].find(turn => turn && fits(turn))
      if (!next) return
      waiting.splice(waiting.indexOf(next), 1)
      // Counted here, so that nobody takes the memory before its turn has been told.
      next.come(hold(next))
    }
  }

  /** Gives up as many slow uploads as those who wait need, the slowest first. */
  function relieve(): void {
    const leaving = [...holders].filter(({ isGivenUp }) => isGivenUp)
    const slow = [...holders]
      .filter(holder => !holder.isGivenUp && holder.pace?.isAwaited())
      .map(holder => ({ holder, rate: rateOf(holder) }))
      .filter(({ holder, rate }) => rate < holder.required)
      .map(({ holder, rate }) => ({ holder, rate, ofOwner: heldBy(holder.whose) }))
      // Of those that send nothing, the ones of the owner who holds the most.
      .sort((a, b) => a.rate - b.rate || b.ofOwner - a.ofOwner || b.holder.bytes - a.holder.bytes)
    let used = taken - sumOf(leaving)
    let stuckLost = leaving.some(({ pace }) => pace?.isStuck?.())
    for (const turn of inOrder(waiting)) {
      const ofOwner = (claim: Claim) => claim.whose === turn.whose
      const own =
        turn.whose === undefined ? 0 : heldBy(turn.whose) - sumOf(leaving.filter(ofOwner)) + turn.bytes - share
      // An owner with a full share gets nothing by what another owner loses.
      // Uploads that are stuck are no slower than the one that waits: one at a time loses, and only to an owner who
      // would still hold less.
      const mayLose = (holder: Holder) => !stuckLost && heldBy(holder.whose) > heldBy(turn.whose) + turn.bytes
      const may = (holder: Holder) => (own <= 0 || ofOwner(holder)) && (!holder.pace?.isStuck?.() || mayLose(holder))
      const rate = rateOf(turn)
      let missing = Math.max(own, used + turn.bytes - limitOf(turn))
      for (const candidate of [...slow]) {
        // Nobody loses to a client that is slower.
        if (missing <= 0 || candidate.rate >= rate) break
        if (!may(candidate.holder)) continue
        slow.splice(slow.indexOf(candidate), 1)
        if (candidate.holder.pace?.isStuck?.()) stuckLost = true
        leaving.push(candidate.holder)
        used -= candidate.holder.bytes
        missing -= candidate.holder.bytes
        giveUp(candidate.holder)
      }
      if (own <= 0) used += turn.bytes
      if (slow.length === 0) return
    }
  }

  function look(): void {
    relieve()
    serve()
    if (waiting.length > 0) return
    clearInterval(timer)
    timer = undefined
  }

  async function turnCame(claim: Claim, goesOn: boolean, signal: AbortSignal | undefined): Promise<Holder> {
    const { promise, resolve, reject } = Promise.withResolvers<Holder>()
    const turn: Turn = { ...claim, goesOn, come: resolve }
    waiting.push(turn)
    const leave = (reason: unknown) => {
      const at = waiting.indexOf(turn)
      if (at === -1) return
      waiting.splice(at, 1)
      reject(reason)
      // Who was behind it may be small enough.
      serve()
    }
    const full = new NoPartBufferError(FULL_DETAIL)
    const late = setTimeout(() => leave(full), waitMs)
    const onAbort = () => leave(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    serve()
    if (waiting.length > 0) {
      // Behind the sockets' turn: after a stall of this process, clients must not look slow for what has not been read.
      timer ??= setInterval(() => setImmediate(look), LOOK_MS)
      relieve()
    }
    return promise.finally(() => {
      clearTimeout(late)
      signal?.removeEventListener('abort', onAbort)
      if (waiting.length > 0) return
      clearInterval(timer)
      timer = undefined
    })
  }

  return {
    async take({ bytes, whose, pace, goesOn = false, signal }) {
      const claim = { bytes: charged(bytes, whose), whose, pace }
      if (waiting.length === 0 && fits(claim)) return lease(hold(claim))
      signal?.throwIfAborted()
      return lease(await turnCame(claim, goesOn, signal))
    },
  }
}

const FULL_DETAIL = 'Too many uploads are in progress. Nothing was accepted; try again.'
const SLOW_DETAIL =
  'The body came too slowly while other uploads waited for memory. Send it again; a resumable upload continues from its offset.'

function sumOf(claims: readonly Claim[]): number {
  return claims.reduce((sum, { bytes }) => sum + bytes, 0)
}
