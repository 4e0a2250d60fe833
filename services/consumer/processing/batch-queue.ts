/** How large a batch gets, and how long it is waited for. */
export interface BatchLimits {
  readonly maxRecords: number
  readonly maxWaitMs: number
  readonly maxBytes: number
}

/** Items that wait, in order, to be taken out in batches. */
export class BatchQueue<Item> {
  readonly #limits: BatchLimits
  readonly #bytesOf: (item: Item) => number
  /** Waiting items from `#first` on, and beside each the time at which it came. */
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

  get isFull(): boolean {
    return this.length >= this.#limits.maxRecords || this.#bytes >= this.#limits.maxBytes
  }

  push(item: Item, now: number): void {
    this.#items.push(item)
    this.#cameAt.push(now)
    this.#bytes += this.#bytesOf(item)
  }

  /** Milliseconds until there is a batch to take, 0 or less for one now; undefined while nothing waits. */
  dueIn(now: number): number | undefined {
    const cameAt = this.#cameAt[this.#first]
    if (cameAt === undefined) return undefined
    return this.isFull ? 0 : cameAt + this.#limits.maxWaitMs - now
  }

  /** As many of the first items as a batch may have, and one at least. */
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

  /** Drops what was taken, rarely enough that it costs nothing for each. */
  #forget(): void {
    if (this.#first < 1_024 && this.length > 0) return
    this.#items.splice(0, this.#first)
    this.#cameAt.splice(0, this.#first)
    this.#first = 0
  }
}
