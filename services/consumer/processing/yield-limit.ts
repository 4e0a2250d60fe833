import { type KeyEntry, KeyTable } from './key-table.ts'
import { hashOf } from './lane-of.ts'

export interface YieldLimits {
  /** Maximum number of records of the worker without a place. */
  readonly maxYielded: number
  /** Number of records of one fairness key without a place from which on no further record of that key starts. */
  readonly maxYieldedPerKey: number
}

/** Something that waits until its fairness key has fewer records without a place. */
export interface BlockedByYields {
  wake(): void
}

interface YieldingKey extends KeyEntry {
  yielded: number
  readonly blocked: Set<BlockedByYields>
}

/**
 * Counts the records of a worker that have yielded their place, over all of its shards. A record that has a place may
 * always yield it while the total of the worker allows. The limits keep further records from starting instead: a
 * fairness key with many slow records then waits in the queue, and not in places that other keys need.
 */
export class YieldLimit {
  readonly #limits: YieldLimits
  /** Keys with at least one record without a place. */
  readonly #keys = new KeyTable<YieldingKey>()
  /** Keys that something waits for. Each has records without a place, so there are at most `maxYielded` keys. */
  readonly #blocking = new Set<YieldingKey>()
  #total = 0

  constructor(limits: YieldLimits) {
    this.#limits = limits
  }

  /** Number of records without a place. */
  get total(): number {
    return this.#total
  }

  /**
   * Counts a record that yields its place. Returns false and counts nothing if the worker has too many such records.
   */
  tryYield(key: string, hash = hashOf(key)): boolean {
    if (this.#total >= this.#limits.maxYielded) return false
    this.#total++
    const known = this.#keys.find(key, hash)
    if (known) known.yielded++
    else this.#keys.add({ key, hash, next: undefined, yielded: 1, blocked: new Set() })
    return true
  }

  /** Removes a record that has ended. */
  end(key: string, hash = hashOf(key)): void {
    const entry = this.#keys.find(key, hash)
    if (!entry) throw new Error('No record of this fairness key has yielded its place.')
    const wasFull = this.#total >= this.#limits.maxYielded
    this.#total--
    entry.yielded--
    if (entry.yielded === 0) this.#keys.delete(entry)
    for (const waiting of wasFull ? [...this.#blocking] : [entry]) this.#wake(waiting)
  }

  /**
   * Returns whether a record of the key may start. When the total of the worker is used up, only keys without a yielded
   * record may start more: the others would occupy places for long.
   */
  mayStart(key: string, hash = hashOf(key)): boolean {
    return this.#total === 0 || this.#allows(this.#keys.find(key, hash))
  }

  /** Wakes `blocked` once, when a record of the key may start again. Call it only after `mayStart` returned false. */
  whenMayStart(blocked: BlockedByYields, key: string, hash = hashOf(key)): void {
    const entry = this.#keys.find(key, hash)
    if (!entry) throw new Error('No record of this fairness key has yielded its place.')
    entry.blocked.add(blocked)
    this.#blocking.add(entry)
  }

  #allows(entry: YieldingKey | undefined): boolean {
    const { maxYielded, maxYieldedPerKey } = this.#limits
    if (!entry || entry.yielded === 0) return true
    return entry.yielded < maxYieldedPerKey && this.#total < maxYielded
  }

  #wake(entry: YieldingKey): void {
    if (entry.blocked.size === 0 || !this.#allows(entry)) return
    const blocked = [...entry.blocked]
    entry.blocked.clear()
    this.#blocking.delete(entry)
    for (const waiting of blocked) waiting.wake()
  }
}
