import { HeadgateError } from '../errors.ts'
import type { BodyPace } from './body-pace.ts'

/** A bounded amount of memory that uploads share. The pool counts bytes; callers allocate the buffers themselves. */
export interface MemoryPool {
  /**
   * Takes memory. Waits if not enough is free. While an upload waits, slow uploads that hold memory are evicted, the slowest
   * first. Free memory goes first to the owner who holds the least memory and had no upload evicted recently.
   *
   * @throws NoPartBufferError after the maximum wait
   * @throws the reason of the signal if the signal fires first
   */
  take(request: MemoryRequest): Promise<MemoryLease>
}

export interface MemoryRequest {
  bytes: number
  /** The owner of the upload. One owner can hold three quarters of the memory at most. Unset: no such limit. */
  owner?: string | undefined
  /** How fast the client is. Unset: the upload is never evicted. */
  pace?: BodyPace | undefined
  /** True for an upload that has filled a part before. @default false */
  isContinuing?: boolean | undefined
  signal?: AbortSignal | undefined
}

export interface MemoryLease {
  /** Returns the memory to the pool. Later calls have no effect. */
  release(): void
}

/** No memory for parts became free within the maximum wait. The client gets the message and should retry. */
export class NoPartBufferError extends HeadgateError {
  readonly code = 'HEADGATE_NO_PART_BUFFER'
}

/** An upload was evicted because its client was slow while other uploads waited for memory. The client gets the message. */
export class SlowUploadError extends HeadgateError {
  readonly code = 'HEADGATE_SLOW_UPLOAD'
}

export interface MemoryPoolSettings {
  bytes: number
  /** The part of `bytes` that is reserved for fast clients. */
  reserve: number
  /** Maximum wait for memory, in milliseconds. */
  waitMs: number
}

/** While others wait, a slower upload can be evicted. A client on a bad mobile network is faster than this. */
const MIN_BYTES_PER_SECOND = 64 * 1024

/** The rate that the reserve requires. It fills a part in 16 s, so that no upload holds the reserve for long. */
const FAST_BYTES_PER_SECOND = 512 * 1024

/** How often slow uploads are evicted while others wait, in milliseconds. */
const CHECK_MS = 200

/** The advantage of a continuing upload in the order of waiters, as bytes that its owner would hold less. */
const CONTINUING_BYTES = 24 * 1024 ** 2

/** An eviction counts as this many bytes held by the owner, for this many milliseconds. */
const EVICTED_BYTES = 32 * 1024 ** 2
const EVICTED_MS = 60_000

/** Maximum number of owners whose evictions are remembered. The oldest are forgotten first. */
const MAX_EVICTED_OWNERS = 10_000

interface Claim {
  bytes: number
  owner: string | undefined
  pace: BodyPace | undefined
}

interface Holder extends Claim {
  /** Bytes per second. A slower upload can be evicted. */
  minRate: number
  isEvicted: boolean
}

interface Waiter extends Claim {
  isContinuing: boolean
  resolve(holder: Holder): void
}

export function createMemoryPool({ bytes: total, reserve, waitMs }: MemoryPoolSettings): MemoryPool {
  const holders = new Set<Holder>()
  const waiters: Waiter[] = []
  const held = new Map<string, number>()
  /** When an upload of an owner was last evicted, by owner. The oldest evictions come first. */
  const evictedOwners = new Map<string, number>()
  let taken = 0
  let timer: NodeJS.Timeout | undefined
  const share = Math.floor((total * 3) / 4)

  const rateOf = ({ pace }: Claim) => pace?.rate() ?? Number.POSITIVE_INFINITY
  const wasEvicted = (owner: string | undefined) =>
    owner !== undefined && (evictedOwners.get(owner) ?? Number.NEGATIVE_INFINITY) > performance.now() - EVICTED_MS
  const isFast = (claim: Claim) => rateOf(claim) >= FAST_BYTES_PER_SECOND && !wasEvicted(claim.owner)
  const heldBy = (owner: string | undefined) => (owner === undefined ? 0 : (held.get(owner) ?? 0))
  const limitOf = (claim: Claim) => (isFast(claim) ? total : total - reserve)
  const hasShare = ({ owner, bytes }: Claim) => owner === undefined || heldBy(owner) + bytes <= share
  const fits = (claim: Claim) => hasShare(claim) && taken + claim.bytes <= limitOf(claim)

  /** Limits a request to what the pool can ever give. A larger request waits until no other upload holds memory. */
  const charged = (bytes: number, owner: string | undefined) =>
    Math.min(bytes, owner === undefined ? total : Math.min(share, total - reserve))

  function count(owner: string | undefined, bytes: number): void {
    taken += bytes
    if (owner === undefined) return
    const now = heldBy(owner) + bytes
    if (now > 0) held.set(owner, now)
    else held.delete(owner)
  }

  function hold({ bytes, owner, pace }: Claim): Holder {
    const holder = {
      bytes,
      owner,
      pace,
      minRate: taken + bytes > total - reserve ? FAST_BYTES_PER_SECOND : MIN_BYTES_PER_SECOND,
      isEvicted: false,
    }
    count(owner, bytes)
    holders.add(holder)
    return holder
  }

  function lease(holder: Holder): MemoryLease {
    return {
      release() {
        if (!holders.delete(holder)) return
        count(holder.owner, -holder.bytes)
        serve()
      },
    }
  }

  function evict(holder: Holder): void {
    holder.isEvicted = true
    const { owner, pace } = holder
    // An upload is stuck because of the pool, so the owner is not blamed.
    if (owner !== undefined && !pace?.isStuck?.()) {
      evictedOwners.delete(owner)
      evictedOwners.set(owner, performance.now())
      const [oldest] = evictedOwners.keys()
      if (evictedOwners.size > MAX_EVICTED_OWNERS && oldest !== undefined) evictedOwners.delete(oldest)
    }
    pace?.abort(new SlowUploadError(SLOW_DETAIL))
  }

  /**
   * Returns the waiters in the order in which they are served. Of new uploads with equal cost, the newest comes first: under
   * overload the clients of the oldest ones have often left already, and an attacker's queue would block everybody else.
   */
  function inOrder(unordered: readonly Waiter[]): Waiter[] {
    const cost = ({ owner, isContinuing }: Waiter) =>
      heldBy(owner) + (wasEvicted(owner) ? EVICTED_BYTES : 0) - (isContinuing ? CONTINUING_BYTES : 0)
    return unordered
      .map((waiter, place) => ({ waiter, cost: cost(waiter), place: waiter.isContinuing ? place : -place }))
      .sort((a, b) => a.cost - b.cost || a.place - b.place)
      .map(({ waiter }) => waiter)
  }

  /** Serves the first waiter, or else the first fast waiter, for as long as one fits. Skips owners who hold their full share. */
  function serve(): void {
    while (waiters.length > 0) {
      const able = inOrder(waiters.filter(hasShare))
      const next = [able[0], able.find(isFast)].find(waiter => waiter && fits(waiter))
      if (!next) return
      waiters.splice(waiters.indexOf(next), 1)
      // The memory is counted before the waiter's promise resolves, so that no other upload can take it meanwhile.
      next.resolve(hold(next))
    }
  }

  /** Evicts as many slow uploads as the waiters need, the slowest first. */
  function evictSlow(): void {
    const leaving = [...holders].filter(({ isEvicted }) => isEvicted)
    const slow = [...holders]
      .filter(holder => !holder.isEvicted && holder.pace?.isAwaited())
      .map(holder => ({ holder, rate: rateOf(holder) }))
      .filter(({ holder, rate }) => rate < holder.minRate)
      .map(({ holder, rate }) => ({ holder, rate, heldByOwner: heldBy(holder.owner) }))
      // Among uploads of the same rate, those of the owner who holds the most come first.
      .sort((a, b) => a.rate - b.rate || b.heldByOwner - a.heldByOwner || b.holder.bytes - a.holder.bytes)
    let used = taken - sumOf(leaving)
    let isStuckEvicted = leaving.some(({ pace }) => pace?.isStuck?.())
    for (const waiter of inOrder(waiters)) {
      const isSameOwner = (claim: Claim) => claim.owner === waiter.owner
      const overShare =
        waiter.owner === undefined
          ? 0
          : heldBy(waiter.owner) - sumOf(leaving.filter(isSameOwner)) + waiter.bytes - share
      // Evicting another owner's upload does not help an owner whose share is full.
      // A stuck upload is not slower than the waiter. So only one stuck upload is evicted at a time, and only if its owner
      // holds more than the waiter's owner would.
      const mayEvictStuck = (holder: Holder) =>
        !isStuckEvicted && heldBy(holder.owner) > heldBy(waiter.owner) + waiter.bytes
      const mayEvict = (holder: Holder) =>
        (overShare <= 0 || isSameOwner(holder)) && (!holder.pace?.isStuck?.() || mayEvictStuck(holder))
      const rate = rateOf(waiter)
      let missing = Math.max(overShare, used + waiter.bytes - limitOf(waiter))
      for (const candidate of [...slow]) {
        // An upload is never evicted for a slower client.
        if (missing <= 0 || candidate.rate >= rate) break
        if (!mayEvict(candidate.holder)) continue
        slow.splice(slow.indexOf(candidate), 1)
        if (candidate.holder.pace?.isStuck?.()) isStuckEvicted = true
        leaving.push(candidate.holder)
        used -= candidate.holder.bytes
        missing -= candidate.holder.bytes
        evict(candidate.holder)
      }
      if (overShare <= 0) used += waiter.bytes
      if (slow.length === 0) return
    }
  }

  function check(): void {
    evictSlow()
    serve()
    if (waiters.length > 0) return
    clearInterval(timer)
    timer = undefined
  }

  async function waitForMemory(claim: Claim, isContinuing: boolean, signal: AbortSignal | undefined): Promise<Holder> {
    const { promise, resolve, reject } = Promise.withResolvers<Holder>()
    const waiter: Waiter = { ...claim, isContinuing, resolve }
    waiters.push(waiter)
    const leave = (reason: unknown) => {
      const at = waiters.indexOf(waiter)
      if (at === -1) return
      waiters.splice(at, 1)
      reject(reason)
      // A smaller request behind this one may fit now.
      serve()
    }
    const full = new NoPartBufferError(FULL_DETAIL)
    const timeout = setTimeout(() => leave(full), waitMs)
    const onAbort = () => leave(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    serve()
    if (waiters.length > 0) {
      // setImmediate runs after sockets are read. Otherwise clients would look slow after a stall of this process.
      timer ??= setInterval(() => setImmediate(check), CHECK_MS)
      evictSlow()
    }
    return promise.finally(() => {
      clearTimeout(timeout)
      signal?.removeEventListener('abort', onAbort)
      if (waiters.length > 0) return
      clearInterval(timer)
      timer = undefined
    })
  }

  return {
    async take({ bytes, owner, pace, isContinuing = false, signal }) {
      const claim = { bytes: charged(bytes, owner), owner, pace }
      if (waiters.length === 0 && fits(claim)) return lease(hold(claim))
      signal?.throwIfAborted()
      return lease(await waitForMemory(claim, isContinuing, signal))
    },
  }
}

export const FULL_DETAIL = 'Too many uploads are in progress. Nothing was accepted. Try again.'
const SLOW_DETAIL =
  'The body arrived too slowly while other uploads waited for memory. Send it again. A resumable upload continues from its offset.'

function sumOf(claims: readonly Claim[]): number {
  return claims.reduce((sum, { bytes }) => sum + bytes, 0)
}
