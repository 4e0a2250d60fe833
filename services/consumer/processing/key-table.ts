import { hashOf } from './lane-of.ts'

/** An entry that is found by its key. */
export interface KeyEntry {
  readonly key: string
  readonly hash: number
  /** The next entry in the same bucket. */
  next: this | undefined
}

/**
 * A map for keys that are mostly new strings, as in a stream. A `Map` computes the hash of each key outside of
 * JavaScript and keeps space for deleted entries, which costs three times as much.
 */
export class KeyTable<Entry extends KeyEntry> {
  /** The number of buckets is always a power of two. */
  #buckets: Array<Entry | undefined> = emptyBuckets(MIN_BUCKETS)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** @param hash the hash of the key, by `hashOf` */
  find(key: string, hash = hashOf(key)): Entry | undefined {
    let entry = this.#buckets[hash & (this.#buckets.length - 1)]
    while (entry && (entry.hash !== hash || entry.key !== key)) entry = entry.next
    return entry
  }

  /** Adds an entry. Its key must not be in the table yet. */
  add(entry: Entry): void {
    if (this.#size === this.#buckets.length) this.#resize(this.#size * 2)
    this.#size++
    this.#put(entry)
  }

  /** Removes an entry that is in the table. */
  delete(entry: Entry): void {
    const index = entry.hash & (this.#buckets.length - 1)
    const first = this.#buckets[index]
    if (first === entry) this.#buckets[index] = entry.next
    else {
      let before = first
      while (before && before.next !== entry) before = before.next
      if (before) before.next = entry.next
    }
    entry.next = undefined
    this.#size--
    if (this.#size < this.#buckets.length / 8 && this.#buckets.length > MIN_BUCKETS) {
      this.#resize(this.#buckets.length / 4)
    }
  }

  #put(entry: Entry): void {
    const index = entry.hash & (this.#buckets.length - 1)
    entry.next = this.#buckets[index]
    this.#buckets[index] = entry
  }

  #resize(buckets: number): void {
    const before = this.#buckets
    this.#buckets = emptyBuckets(buckets)
    for (let entry of before) {
      while (entry) {
        const { next } = entry as { next: Entry | undefined }
        this.#put(entry)
        entry = next
      }
    }
  }
}

const MIN_BUCKETS = 64

const emptyBuckets = (count: number) => new Array<undefined>(count).fill(undefined)
