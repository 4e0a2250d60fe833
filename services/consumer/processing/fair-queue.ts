import { type KeyEntry, KeyTable } from './key-table.ts'
import { hashOf } from './lane-of.ts'
import { Queue } from './queue.ts'
import type { YieldLimit } from './yield-limit.ts'

/** The items of one fairness key. */
export interface FairGroup<Item> extends KeyEntry {
  readonly waiting: Queue<Item>
  /** Number of items of the key that have a place. */
  running: number
  /** Number of users of the group. The group is deleted with the last one. */
  users: number
  /** True if the group is in the queue of turns. */
  isQueued: boolean
  wake(): void
}

export interface FairQueueSettings {
  /** Maximum number of running items of one fairness key. */
  maxRunningPerKey: number
  yields: YieldLimit
  /** Called when items may be able to start for a reason other than `push` or `release`. */
  onWoken(): void
}

/**
 * Returns waiting items in turns: one of each fairness key, then the next of each. Items of a key stay in order. A key
 * at one of its limits is not in the queue of turns, so that every step takes the same time regardless of the number of
 * waiting keys and items.
 */
export class FairQueue<Item> {
  readonly #settings: FairQueueSettings
  readonly #groups = new KeyTable<FairGroup<Item>>()
  readonly #turns = new Queue<FairGroup<Item>>()

  constructor(settings: FairQueueSettings) {
    this.#settings = settings
  }

  /** Number of fairness keys in use. */
  get size(): number {
    return this.#groups.size
  }

  /** Returns the group of a key and counts one more user. */
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

  /** Removes one user of the group. */
  leave(group: FairGroup<Item>): void {
    group.users--
    if (group.users === 0) this.#groups.delete(group)
  }

  push(group: FairGroup<Item>, item: Item): void {
    group.waiting.push(item)
    this.#enqueueIfAllowed(group)
  }

  /** Takes the next item. It counts as running until `release`. */
  shift(): Item | undefined {
    for (let group = this.#turns.shift(); group; group = this.#turns.shift()) {
      group.isQueued = false
      // Records of another shard may have reached the limit of the key after the group was queued.
      if (!this.#mayRun(group)) continue
      const item = group.waiting.shift()
      if (item === undefined) continue
      group.running++
      this.#enqueueIfAllowed(group)
      return item
    }
    return undefined
  }

  /** Counts an item that has yielded its place or ended. */
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
