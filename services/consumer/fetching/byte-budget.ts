/**
 * How many bytes of records may wait in memory, over all shards of a worker. Each shard has a fair share, so that one behind a
 * slow handler cannot starve the others. Bytes are counted after they came: what is held is at most the budget and one reply
 * for each fetch under way.
 */
export class ByteBudget {
  readonly #total: number
  readonly #accounts = new Set<BudgetAccount>()
  #freed = Promise.withResolvers<void>()

  constructor(total: number) {
    this.#total = total
  }

  get used(): number {
    let sum = 0
    for (const account of this.#accounts) sum += account.used
    return sum
  }

  /** A shard starts to share, until it closes its account. */
  open(): BudgetAccount {
    const account = new BudgetAccount({
      hasRoom: used => this.used < this.#total && used < this.#total / this.#accounts.size,
      whenFreed: () => this.#freed.promise,
      freed: () => this.#wake(),
      closed: () => {
        this.#accounts.delete(account)
        this.#wake()
      },
    })
    this.#accounts.add(account)
    return account
  }

  #wake(): void {
    this.#freed.resolve()
    this.#freed = Promise.withResolvers<void>()
  }
}

interface BudgetLink {
  hasRoom(used: number): boolean
  whenFreed(): Promise<void>
  freed(): void
  closed(): void
}

/** One shard's part of the budget. A closed account counts nothing any more, whatever is still freed from it. */
export class BudgetAccount {
  readonly #budget: BudgetLink
  #used = 0

  constructor(budget: BudgetLink) {
    this.#budget = budget
  }

  get used(): number {
    return this.#used
  }

  add(bytes: number): void {
    this.#used += bytes
  }

  free(bytes: number): void {
    this.#used -= bytes
    this.#budget.freed()
  }

  /** Whether more may be fetched: the shard is within its share and all of them within the budget. */
  hasRoom(): boolean {
    return this.#budget.hasRoom(this.#used)
  }

  /** Resolves when bytes have been freed anywhere, or an account was closed. */
  whenFreed(): Promise<void> {
    return this.#budget.whenFreed()
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
    this.#budget.closed()
  }
}
