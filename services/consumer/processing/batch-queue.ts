/** Limits of a batch. */
export interface BatchLimits {
  readonly maxRecords: number
  readonly maxWaitMs: number
  readonly maxBytes: number
}

/** A queue of items, taken out in batches, in order. */
export class BatchQueue<Item> {
  readonly #limits: BatchLimits
  readonly #bytesOf: (item: Item) => number
  /** Waiting items from `#first` on, and the time at which each was added. */
  readonly #items: Item[] = []
  readonly #cameAt: number[] = []
  #first = 0
  #bytes = 0

  constructor(limits: BatchLimits, bytesOf: (item: Item) => number) {
    this.#limits = limits
    this.#bytesOf = bytesOf
  }

  get length(): number {
    return this.#items.length - this.#first
  }

  /** Monotonic time at which the first item was added; undefined if the queue is empty. */
  get oldestAt(): number | undefined {
    return this.#cameAt[this.#first]
  }

  get isFull(): boolean {
    return this.length >= this.#limits.maxRecords || this.#bytes >= this.#limits.maxBytes
  }

  push(item: Item, now: number): void {
    this.#items.push(item)
    this.#cameAt.push(now)
    this.#bytes += this.#bytesOf(item)
  }

  /** Milliseconds until a batch is due, 0 or less if one is due now; undefined if the queue is empty. */
  dueIn(now: number): number | undefined {
    const { oldestAt } = this
    if (oldestAt === undefined) return undefined
    return this.isFull ? 0 : oldestAt + this.#limits.maxWaitMs - now
  }

  /** Takes the first items, as many as a batch may have, and at least one. */
  take(): Item[] {
    const { maxRecords, maxBytes } = this.#limits
    const batch: Item[] = []
    let bytes = 0
    while (batch.length < maxRecords) {
      const item = this.#items[this.#first]
      if (item === undefined) break
      const size = this.#bytesOf(item)
      if (batch.length > 0 && bytes + size > maxBytes) break
      batch.push(item)
      bytes += size
      this.#first++
    }
    this.#bytes -= bytes
    this.#forget()
    return batch
  }

  /** Frees the array entries of taken items, rarely enough that the cost per item is negligible. */
  #forget(): void {
    if (this.#first < 1_024 && this.length > 0) return
    this.#items.splice(0, this.#first)
    this.#cameAt.splice(0, this.#first)
    this.#first = 0
  }
}
