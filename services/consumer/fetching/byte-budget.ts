import { type Bounds, boundedNumber } from '../option-checks.ts'

/**
 * Limits the bytes of records in memory, over all shards of a worker. Each shard has a fair share, so that a shard with
 * a slow handler cannot starve the others. Bytes are counted after they arrive, so memory holds at most the budget and
 * one reply for each fetch in flight.
 */
export class ByteBudget {
  readonly #total: number
  readonly #accounts = new Set<BudgetAccount>()
  /** Accounts that wait for room. Checked whenever a record is done; usually there are none. */
  readonly #waiting = new Map<BudgetAccount, PromiseWithResolvers<void>>()
  #used = 0

  constructor(total: number) {
    this.#total = total
  }

  get used(): number {
    return this.#used
  }

  /** Opens an account for a shard, which then has a share until the account is closed. */
  open(): BudgetAccount {
    const account = new BudgetAccount({
      hasRoom: used => this.#hasRoom(used),
      whenRoom: () => this.#whenRoom(account),
      added: bytes => {
        this.#used += bytes
        if (bytes < 0) this.#wake()
      },
      closed: () => {
        this.#used -= account.used
        this.#accounts.delete(account)
        this.#waiting.get(account)?.resolve()
        this.#waiting.delete(account)
        this.#wake()
      },
    })
    this.#accounts.add(account)
    return account
  }

  #hasRoom(used: number): boolean {
    return this.#used < this.#total && used < this.#total / this.#accounts.size
  }

  #whenRoom(account: BudgetAccount): Promise<void> {
    if (account.hasRoom()) return Promise.resolve()
    const waiting = this.#waiting.get(account) ?? Promise.withResolvers<void>()
    this.#waiting.set(account, waiting)
    return waiting.promise
  }

  #wake(): void {
    if (this.#waiting.size === 0 || this.#used >= this.#total) return
    for (const [account, { resolve }] of this.#waiting) {
      if (!account.hasRoom()) continue
      this.#waiting.delete(account)
      resolve()
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

interface BudgetLink {
  hasRoom(used: number): boolean
  whenRoom(): Promise<void>
  added(bytes: number): void
  closed(): void
}

/**
 * The part of the budget that one shard uses. A closed account no longer counts, even if bytes are freed from it later.
 */
export class BudgetAccount {
  readonly #budget: BudgetLink
  #used = 0
  #closed = false

  constructor(budget: BudgetLink) {
    this.#budget = budget
  }

  get used(): number {
    return this.#used
  }

  add(bytes: number): void {
    this.#used += bytes
    if (!this.#closed) this.#budget.added(bytes)
  }

  free(bytes: number): void {
    this.add(-bytes)
  }

  /** Returns true if more may be fetched: the shard is within its share, and all shards are within the budget. */
  hasRoom(): boolean {
    return this.#budget.hasRoom(this.#used)
  }

  /** Resolves when there is room, after bytes were freed or an account was closed. */
  whenFreed(): Promise<void> {
    return this.#budget.whenRoom()
  }

  /** Resolves when there is room, or when the signal fires. */
  async room(signal: AbortSignal): Promise<void> {
    if (this.hasRoom() || signal.aborted) return
    const aborted = Promise.withResolvers<void>()
    const wake = () => aborted.resolve()
    signal.addEventListener('abort', wake, { once: true })
    try {
      while (!signal.aborted && !this.hasRoom()) await Promise.race([this.whenFreed(), aborted.promise])
    } finally {
      signal.removeEventListener('abort', wake)
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#budget.closed()
  }
}
