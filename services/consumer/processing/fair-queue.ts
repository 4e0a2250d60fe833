import { type KeyEntry, KeyTable } from './key-table.ts'
import { hashOf } from './lane-of.ts'
import { Queue } from './queue.ts'
import type { YieldLimit } from './yield-limit.ts'

/** The items of one fairness key. */
export interface FairGroup<Item> extends KeyEntry {
  readonly waiting: Queue<Item>
  /** Items of the key that have a place. */
  running: number
  /** Users of the group: it is forgotten with the last one. */
  users: number
  /** Whether the group is in the circle of those whose turn comes. */
  isQueued: boolean
  wake(): void
}

export interface FairQueueSettings {
  /** Items of one fairness key that may run at a time. */
  maxRunningPerKey: number
  yields: YieldLimit
  /** Called when items may have become free to start other than by `push` or `ended`. */
  onWoken(): void
}

/**
 * Hands out waiting items in turns: one of each fairness key, then the next of each. Within a key the order is kept. A key that has
 * used up one of its limits is left out of the circle until it has not, so that every step takes the same time however many
 * keys and items wait.
 */
export class FairQueue<Item> {
  readonly #settings: FairQueueSettings
  readonly #groups = new KeyTable<FairGroup<Item>>()
  readonly #turns = new Queue<FairGroup<Item>>()

  constructor(settings: FairQueueSettings) {
    this.#settings = settings
  }

  /** Fairness keys that are in use. */
  get size(): number {
    return this.#groups.size
  }

  /** The group of a key, for one more user. */
  enter(key: string): FairGroup<Item> {
    const hash = hashOf(key)
    const known = this.#groups.find(key, hash)
    if (known) {
      known.users++
      return known
    }
    const group: FairGroup<Item> = {
      key,
      hash,
      next: undefined,
      waiting: new Queue<Item>(),
      running: 0,
      users: 1,
      isQueued: false,
      wake: () => {
        this.#enqueueIfAllowed(group)
        if (group.isQueued) this.#settings.onWoken()
      },
    }
    this.#groups.add(group)
    return group
  }

  /** A user of a group needs it no longer. */
  leave(group: FairGroup<Item>): void {
    group.users--
    if (group.users === 0) this.#groups.delete(group)
  }

  push(group: FairGroup<Item>, item: Item): void {
    group.waiting.push(item)
    this.#enqueueIfAllowed(group)
  }

  /** Takes the item whose turn it is. It counts as running until `ended`. */
  shift(): Item | undefined {
    for (let group = this.#turns.shift(); group; group = this.#turns.shift()) {
      group.isQueued = false
      // Another shard's records may have used up the key's limit since the group joined.
      if (!this.#mayRun(group)) continue
      const item = group.waiting.shift()
      if (item === undefined) continue
      group.running++
      this.#enqueueIfAllowed(group)
      return item
    }
    return undefined
  }

  /** An item has given its place back, or has come to an end. */
  release(group: FairGroup<Item>): void {
    group.running--
    this.#enqueueIfAllowed(group)
  }

  #enqueueIfAllowed(group: FairGroup<Item>): void {
    if (group.isQueued || group.waiting.isEmpty || !this.#mayRun(group)) return
    group.isQueued = true
    this.#turns.push(group)
  }

  #mayRun(group: FairGroup<Item>): boolean {
    const { maxRunningPerKey, yields } = this.#settings
    if (group.running >= maxRunningPerKey) return false
    if (yields.mayStart(group.key, group.hash)) return true
    yields.whenMayStart(group, group.key, group.hash)
    return false
  }
}
