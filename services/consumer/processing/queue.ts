/** A FIFO queue with constant cost per item. An array would move all remaining items when the first one is removed. */
export class Queue<Item> {
  readonly #items: Array<Item | undefined> = []
  #first = 0

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  push(item: Item): void {
    this.#items.push(item)
  }

  shift(): Item | undefined {
    const item = this.#items[this.#first]
    if (item === undefined) return undefined
    // The item may be large, and this queue may live long.
    this.#items[this.#first++] = undefined
    if (this.#first === this.#items.length) this.#clear()
    else if (this.#first >= COMPACT_AT && this.#first * 2 >= this.#items.length) this.#compact()
    return item
  }

  #clear(): void {
    this.#items.length = 0
    this.#first = 0
  }

  #compact(): void {
    this.#items.splice(0, this.#first)
    this.#first = 0
  }
}

const COMPACT_AT = 1_024
