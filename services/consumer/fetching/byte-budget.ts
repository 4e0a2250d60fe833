import { type Bounds, boundedNumber } from '../option-checks.ts'
import { BudgetAccount } from './budget-account.ts'

/** Maximum bytes that a fetch reserves, unless one record is larger. Two such fetches a second are all of a shard. */
const MAX_FETCH_BYTES = 1024 ** 2

/** A fetch waits for room for this many bytes, or for a quarter of a fair share, so that it is worth its call. */
const MIN_FETCH_BYTES = 256 * 1024

/** What an account asks for. */
export interface ReservationRequest {
  /** The size of the largest record to expect, or with `isReply` the bytes that the reply has beyond its reservation. */
  readonly bytes: number
  /** False if no record of the shard was read yet. */
  readonly isKnown: boolean
  /** True if the shard has more records than fit into its own part. */
  readonly isBehind: boolean
  /** True for a reply that is larger than its reservation, and waits to be received. */
  readonly isReply: boolean
}

/**
 * Limits the bytes of records in memory and of the replies that are being received, over all shards of a worker. A shard
 * reserves memory before it fetches.
 *
 * Half of the budget is divided into equal parts, one for each shard, which no other shard can use. So a shard with few
 * records never waits for the handlers of others. The other half is common. A shard that is behind takes from it up to
 * its fair share of the budget, or one fetch beyond its part. Shards that need the common half wait in turn.
 *
 * One shard at a time may exceed the budget by one reply: the shard whose turn it is and that has nothing in memory, or
 * whose reply is larger than expected. Otherwise a record that is larger than the free room would never be read.
 */
export class ByteBudget {
  readonly #total: number
  readonly #accounts = new Set<BudgetAccount>()
  /** Accounts that wait for the common half, in turn. A reply holds memory while it waits, so replies come first. */
  readonly #replies = new Set<BudgetAccount>()
  readonly #fetches = new Set<BudgetAccount>()
  /** Accounts that wait for `hasRoom`. Checked whenever a record is done; usually there are none. */
  readonly #roomless = new Set<BudgetAccount>()
  /** Bytes that the accounts hold beyond their own parts. */
  #common = 0
  #used = 0
  #held = 0
  #overdrawn: BudgetAccount | undefined
  /** True if an account waits although its own part has room, because others use that part. */
  #isCrowdedOut = false

  constructor(total: number) {
    this.#total = total
  }

  /** Bytes of records in memory. */
  get used(): number {
    return this.#used
  }

  /** Opens an account for a shard, which then has a share until the account is closed. */
  open(): BudgetAccount {
    const account: BudgetAccount = new BudgetAccount({
      hasRoom: () => this.#hasRoom(account),
      waitForRoom: () => void this.#roomless.add(account),
      take: request => this.#take(account, request),
      leave: () => this.#leave(account),
      changed: (used, held) => this.#changed(account, used, held),
      closed: () => this.#close(account),
    })
    this.#accounts.add(account)
    this.#recount()
    return account
  }

  get #fairShare(): number {
    return this.#total / this.#accounts.size
  }

  /** The part of the budget that belongs to each account alone. */
  get #part(): number {
    return this.#fairShare / 2
  }

  get #first(): BudgetAccount | undefined {
    for (const account of this.#replies) return account
    for (const account of this.#fetches) return account
    return undefined
  }

  #hasRoom({ used, reserved, largest }: BudgetAccount): boolean {
    return this.#held - reserved < this.#total && (used === 0 || used + this.#minFetch(largest) <= this.#fairShare)
  }

  /** Returns the room for which a fetch waits, so that it is worth its call. */
  #minFetch(recordBytes: number): number {
    return Math.max(recordBytes, Math.min(MIN_FETCH_BYTES, this.#fairShare / 4))
  }

  /** Returns the bytes that the account may reserve now, or 0 if it has to wait. */
  #take(account: BudgetAccount, { bytes, isKnown, isBehind, isReply }: ReservationRequest): number {
    const { held } = account
    const need = isReply ? bytes : this.#minFetch(bytes)
    const maxHeld = isReply ? Number.POSITIVE_INFINITY : Math.max(this.#fairShare, this.#part + MAX_FETCH_BYTES)
    if (held > 0 && held + need > maxHeld) {
      // It waits for its own handlers only, and must not keep the others waiting.
      if (this.#removeFromQueue(account)) this.#wakeQueue()
      return 0
    }
    const queue = isReply ? this.#replies : this.#fetches
    queue.add(account)
    const isFirst = this.#first === account
    const part = Math.max(0, this.#part - held)
    const isCrowded = this.#isCrowded
    if (isCrowded && part >= need) this.#isCrowdedOut = true
    const own = isCrowded ? 0 : part
    const common = isFirst ? Math.max(0, Math.min(this.#total / 2 - this.#common, maxHeld - held - own)) : 0
    const isEnough = own + common >= need
    const isOverdrawn = this.#overdrawn === account
    const mayExceed =
      // The account that has exceeded the budget receives its reply before all others, which wait for it.
      (isOverdrawn && isReply) || (isFirst && (isOverdrawn || !this.#overdrawn) && (isReply || held === 0))
    if (!isEnough && !mayExceed) return 0
    queue.delete(account)
    if (!isEnough) this.#overdrawn = account
    if (isReply) return need
    // Several records of unknown size could be much larger than the room that they need.
    if (!isEnough && !isKnown) return bytes
    return Math.max(need, Math.min(MAX_FETCH_BYTES, isBehind ? own + common : own))
  }

  /**
   * True while shards hold more beyond their parts than the common half: their parts shrink when further shards come. One
   * that may exceed the budget does not count.
   */
  get #isCrowded(): boolean {
    const exceeding = this.#overdrawn ? Math.max(0, this.#overdrawn.held - this.#part) : 0
    return this.#common - exceeding > this.#total / 2
  }

  #changed(account: BudgetAccount, used: number, held: number): void {
    this.#used += used
    if (held === 0) return
    this.#held += held
    const part = this.#part
    const now = account.held
    const common = Math.max(0, now - part) - Math.max(0, now - held - part)
    this.#common += common
    if (held > 0) {
      // A shard that has just reserved may have been the first that waits.
      this.#wakeQueue()
      this.#wakeCrowdedOut()
      return
    }
    const isBack = account === this.#overdrawn && now <= part
    if (isBack) this.#overdrawn = undefined
    account.wake()
    // Another account may exceed the budget now, also if this one came back because its part has grown.
    if (common < 0 || isBack) this.#wakeQueue()
    this.#wakeCrowdedOut()
    if (this.#roomless.size > 0 && this.#held < this.#total) this.#wakeRoomless()
  }

  #leave(account: BudgetAccount): void {
    this.#removeFromQueue(account)
    this.#wakeQueue()
  }

  /** Returns true if the account was waiting. */
  #removeFromQueue(account: BudgetAccount): boolean {
    const isReply = this.#replies.delete(account)
    return this.#fetches.delete(account) || isReply
  }

  #close(account: BudgetAccount): void {
    this.#used -= account.used
    this.#held -= account.held
    this.#accounts.delete(account)
    this.#roomless.delete(account)
    this.#removeFromQueue(account)
    if (account === this.#overdrawn) this.#overdrawn = undefined
    this.#recount()
  }

  /** The number of accounts has changed, and with it every share. */
  #recount(): void {
    const part = this.#part
    this.#common = 0
    for (const { held } of this.#accounts) this.#common += Math.max(0, held - part)
    if (this.#overdrawn && this.#overdrawn.held <= part) this.#overdrawn = undefined
    this.#wakeQueue()
    for (const account of this.#accounts) account.wake()
    this.#wakeRoomless()
  }

  #wakeQueue(): void {
    for (let first = this.#first; first; first = this.#first) {
      first.wake()
      if (first === this.#first) return
    }
  }

  /** Wakes the accounts that wait although their own part has room, once nobody else uses it. They need not be the first. */
  #wakeCrowdedOut(): void {
    if (!this.#isCrowdedOut || this.#isCrowded) return
    this.#isCrowdedOut = false
    for (const account of [...this.#replies, ...this.#fetches]) account.wake()
  }

  #wakeRoomless(): void {
    for (const account of this.#roomless) {
      if (!this.#hasRoom(account)) continue
      this.#roomless.delete(account)
      account.wakeRoom()
    }
  }
}

/** The minimum, maximum and default of the bytes of records in memory. */
export const MEMORY_BOUNDS: Bounds = [1024 ** 2, 16 * 1024 ** 3, 64 * 1024 ** 2]

/**
 * A maximum for the bytes of records in memory that several consumers of a process share: pass it to each of them as
 * `maxBufferedBytes`. Each shard of these consumers has a fair share.
 */
export class MemoryBudget {
  /** The maximum, in bytes. */
  readonly maxBytes: number
  /** @internal */
  readonly shared: ByteBudget

  /**
   * @param maxBytes 1 MiB to 16 GiB
   * @throws ConsumerOptionError
   */
  constructor(maxBytes: number) {
    this.maxBytes = boundedNumber('maxBytes', maxBytes, MEMORY_BOUNDS)
    this.shared = new ByteBudget(this.maxBytes)
  }

  /** Bytes of records in memory now, over all consumers that have this budget. */
  get usedBytes(): number {
    return this.shared.used
  }
}
