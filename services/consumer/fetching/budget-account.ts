import type { ReservationRequest } from './byte-budget.ts'

/** The budget as its accounts see it. */
export interface BudgetLink {
  hasRoom(): boolean
  /** Makes the budget call `wakeRoom` when there is room. */
  waitForRoom(): void
  /** Returns the bytes that may be reserved now. After 0, the budget calls `wake` when it is worth to ask again. */
  take(request: ReservationRequest): number
  /** Withdraws the request. */
  leave(): void
  /** The bytes of records, and the bytes of records and reservations, have changed by this much. */
  changed(used: number, held: number): void
  closed(): void
}

interface WaitingRequest extends ReservationRequest {
  /** @param bytes 0 if the request is withdrawn */
  resolve(bytes: number): void
}

/**
 * The part of the budget that one shard uses. A closed account no longer counts, even if bytes are freed from it later.
 */
export class BudgetAccount {
  readonly #budget: BudgetLink
  #used = 0
  #reserved = 0
  #largest = 0
  #closed = false
  #request: WaitingRequest | undefined
  #room: PromiseWithResolvers<void> | undefined

  constructor(budget: BudgetLink) {
    this.#budget = budget
  }

  /** Bytes of records in memory. */
  get used(): number {
    return this.#used
  }

  /** Bytes that are reserved for records of a reply. */
  get reserved(): number {
    return this.#reserved
  }

  get held(): number {
    return this.#used + this.#reserved
  }

  /** The size of the largest record to expect, as of the last reservation. */
  get largest(): number {
    return this.#largest
  }

  /**
   * Reserves memory for a reply, as soon as it is the turn of this account. Call `settle` afterwards.
   *
   * @returns the bytes that the reply may have; 0 if the signal fired first
   */
  async reserve(request: Omit<ReservationRequest, 'isReply'>, signal: AbortSignal): Promise<number> {
    this.#largest = request.bytes
    return await this.#take({ ...request, isReply: false }, signal)
  }

  /** Raises the reservation to `bytes`, for a reply that is larger than expected. Waits until there is room. */
  async raise(bytes: number, signal: AbortSignal): Promise<void> {
    if (bytes <= this.#reserved) return
    await this.#take({ bytes: bytes - this.#reserved, isKnown: true, isBehind: true, isReply: true }, signal)
  }

  /** Sets the reservation to the size of the reply that has arrived, or to 0 when its records were added. */
  settle(bytes = 0): void {
    const change = bytes - this.#reserved
    this.#reserved = bytes
    if (!this.#closed) this.#budget.changed(0, change)
  }

  /** Counts records in memory. They use the reservation first. */
  add(bytes: number): void {
    const covered = Math.min(Math.max(0, bytes), this.#reserved)
    this.#used += bytes
    this.#reserved -= covered
    if (!this.#closed) this.#budget.changed(bytes, bytes - covered)
  }

  free(bytes: number): void {
    this.add(-bytes)
  }

  /**
   * Returns true if there is room for a further fetch: it fits into the fair share of the shard, and all shards are
   * within the budget. The own reservation does not count.
   */
  hasRoom(): boolean {
    return this.#budget.hasRoom()
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

  /** Resolves when there is room, after bytes were freed or an account was closed. */
  whenFreed(): Promise<void> {
    if (this.#closed || this.hasRoom()) return Promise.resolve()
    this.#room ??= Promise.withResolvers<void>()
    this.#budget.waitForRoom()
    return this.#room.promise
  }

  /** Tries the request that waits again. Called by the budget. */
  wake(): void {
    if (!this.#request) return
    const bytes = this.#budget.take(this.#request)
    if (bytes > 0) this.#end(bytes)
  }

  /** There is room now. Called by the budget. */
  wakeRoom(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#budget.closed()
    this.#end(0)
    this.wakeRoom()
  }

  async #take(request: ReservationRequest, signal: AbortSignal): Promise<number> {
    if (signal.aborted || this.#closed) return 0
    const bytes = this.#budget.take(request)
    if (bytes > 0) {
      this.settle(this.#reserved + bytes)
      return bytes
    }
    const { promise, resolve } = Promise.withResolvers<number>()
    this.#request = { ...request, resolve }
    const withdraw = () => {
      this.#end(0)
      this.#budget.leave()
    }
    signal.addEventListener('abort', withdraw, { once: true })
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', withdraw)
    }
  }

  #end(bytes: number): void {
    const request = this.#request
    this.#request = undefined
    if (bytes > 0) this.settle(this.#reserved + bytes)
    request?.resolve(bytes)
  }
}
