import { type Clock, type Random, shuffled } from '../clock.ts'
import { inParallel } from '../in-parallel.ts'
import { isOpen, type Lease } from '../leases/lease.ts'
import type { LeaseStore } from '../leases/lease-store.ts'
import type { ConsumerEmitter } from '../metrics/emitter.ts'
import type { StreamReader } from '../stream.ts'
import { findHole } from './hash-range.ts'
import { firstPlace, type InitialPosition, laterPlace, type StartingPlace, startingAt } from './initial-position.ts'
import { type Lineage, lineageOf, newestStartOf, obsoleteLeases, planChanges, planLeases } from './lease-plan.ts'
import type { Shard } from './shard.ts'
import { tipOf } from './tip.ts'

export interface ShardSyncSettings {
  store: LeaseStore
  stream: StreamReader
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
  random: Random
  events: ConsumerEmitter
  initialPosition: InitialPosition
  shardSyncIntervalMs: number
  /** How often a suspicious state is checked again, in milliseconds. */
  scanIntervalMs: number
}

/** Number of leases that are created at once. */
const WRITES_AT_ONCE = 16

/** A hole is reported after so many checks in a row, because a running reshard looks like a hole for a moment. */
const STRIKES = 3

/** Synchronises the lease table with the shards of the stream: creates missing leases and deletes obsolete ones. */
export class ShardSync {
  readonly #settings: ShardSyncSettings
  #listed: Lineage = new Map()
  #newestStart: string | undefined
  /** Where the application started, once it has leases. If the table is emptied later, the application is not new. */
  #started: StartingPlace | undefined
  #nextAt = Number.NEGATIVE_INFINITY
  #strikes = 0
  #isComplete = false

  constructor(settings: ShardSyncSettings) {
    this.#settings = settings
  }

  /** True once the shards have been listed. */
  get hasRun(): boolean {
    return this.#nextAt > Number.NEGATIVE_INFINITY
  }

  /** The shards of the last listing. */
  get listed(): Lineage {
    return this.#listed
  }

  /** The greatest first sequence number of any shard of the last listing. */
  get newestStart(): string | undefined {
    return this.#newestStart
  }

  /** False while leases are still being created, or while the hash range has a hole. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /**
   * Synchronises if it is due. Resolves to true if the table was changed. If the leases that the caller has just read need
   * no change, the table is not read again: a consistent read costs twice as much as a scan.
   *
   * The order of the reads matters. A shard that was listed as closed has no records after the tip. And the tip is
   * older than every lease, in case the table is still empty: if two workers start an application at the same time,
   * neither skips records that arrived after the first lease was created.
   */
  async runIfDue(read: readonly Lease[] = []): Promise<boolean> {
    const { clock, store, stream, shardSyncIntervalMs, scanIntervalMs } = this.#settings
    if (clock.now() < this.#nextAt) return false
    const shards = await stream.listShards()
    this.#listed = lineageOf(shards)
    this.#newestStart = newestStartOf(shards)
    if (this.#started && this.#isInSync(shards, read, this.#started)) {
      this.#strikes = 0
      this.#isComplete = true
      this.#nextAt = clock.now() + shardSyncIntervalMs
      return false
    }
    const tip = await this.#tip(shards)
    const leases = await store.list({ consistent: true })
    const isWhole = this.#audit(shards, leases)
    // An application that starts on a list with a hole would skip the shards in the hole.
    const { changed, isComplete } =
      isWhole || leases.length > 0 ? await this.#apply(shards, leases, tip) : { changed: false, isComplete: false }
    this.#isComplete = isWhole && isComplete
    this.#nextAt = clock.now() + (this.#isComplete ? shardSyncIntervalMs : scanIntervalMs)
    return changed
  }

  #isInSync(shards: readonly Shard[], leases: readonly Lease[], place: StartingPlace): boolean {
    return (
      leases.length > 0 &&
      holeIn(shards, leases) === undefined &&
      planLeases({ shards, leases, place }).length === 0 &&
      planChanges(shards, leases).length === 0 &&
      obsoleteLeases(leases).length === 0
    )
  }

  /** Returns the time of LATEST; 0 if it is not needed, because the application has started. */
  async #tip(shards: readonly Shard[]): Promise<number> {
    const open = shards.find(shard => !shard.closed)
    if (this.#started || this.#settings.initialPosition !== 'LATEST' || !open) return 0
    return await tipOf(open.shardId, this.#settings)
  }

  /** Resolves to `isComplete` false if another worker creates the leases at the same time, and may not be done yet. */
  async #apply(
    shards: readonly Shard[],
    leases: readonly Lease[],
    tip: number,
  ): Promise<{ changed: boolean; isComplete: boolean }> {
    const { store, initialPosition } = this.#settings
    if (leases.length > 0) this.#started = laterPlace([...leases, ...(this.#started ? [this.#started] : [])])
    const place = this.#started ?? firstPlace(initialPosition, tip)
    const missing = planLeases({ shards, leases, place })
    const changes = planChanges(shards, leases)
    const obsolete = obsoleteLeases(leases)
    const isComplete = this.#started
      ? await this.#create(missing)
      : await this.#startApplication(missing, place.startAt)
    for (const { lease, next } of changes) await store.swap(lease, next)
    for (const lease of obsolete) await store.delete(lease)
    return { changed: missing.length + changes.length + obsolete.length > 0, isComplete }
  }

  /**
   * Creates the first leases of the application. If several workers start it at once, their wall clocks may differ. All
   * of them create the first lease first. The worker that succeeds decides the start time and creates the other leases.
   * The others take the time from the first lease, and look again later. Resolves to false in that case.
   */
  async #startApplication(leases: readonly Lease[], startAt: number | undefined): Promise<boolean> {
    const { store } = this.#settings
    const [first, ...others] = leases
    const isStarter = !first || (await store.create(first))
    // A lease that KCL created has no start time.
    this.#started = startingAt((isStarter ? undefined : (await store.get(first.leaseKey))?.startAt) ?? startAt)
    return isStarter && (await this.#create(others))
  }

  /**
   * Creates leases in random order. A lease that exists by now shows that another worker creates them too. Then this
   * worker stops, and creates later what is still missing: refused writes are charged. Resolves to false in that case.
   */
  async #create(leases: readonly Lease[]): Promise<boolean> {
    const { store, random } = this.#settings
    let isAlone = true
    await inParallel(shuffled(leases, random), WRITES_AT_ONCE, async lease => {
      if (isAlone && !(await store.create(lease))) isAlone = false
    })
    return isAlone
  }

  /** Returns true if both the open shards and the leases that have not ended cover every hash key. */
  #audit(shards: readonly Shard[], leases: readonly Lease[]): boolean {
    const hole = holeIn(shards, leases)
    this.#strikes = hole === undefined ? 0 : this.#strikes + 1
    if (hole !== undefined && this.#strikes === STRIKES) {
      this.#settings.events.emit('hashRangeHole', { hashKey: hole.toString() })
    }
    return hole === undefined
  }
}

/** Returns the first hash key without an open shard or a lease. */
function holeIn(shards: readonly Shard[], leases: readonly Lease[]): bigint | undefined {
  return findHole(shards.filter(shard => !shard.closed)) ?? holeInLeases(shards, leases)
}

/** Returns the first hash key without a lease. An empty table has no hole, because it has not been filled yet. */
function holeInLeases(shards: readonly Shard[], leases: readonly Lease[]): bigint | undefined {
  if (leases.length === 0) return undefined
  const byId = new Map(shards.map(shard => [shard.shardId, shard]))
  // Old versions of KCL write no hash range into a lease.
  const range = (lease: Lease) => (lease.startingHashKey === undefined ? (byId.get(lease.leaseKey) ?? lease) : lease)
  return findHole(leases.filter(isOpen).map(range))
}
