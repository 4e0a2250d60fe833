import type { Clock } from '../clock.ts'
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
  events: ConsumerEmitter
  initialPosition: InitialPosition
  shardSyncIntervalMs: number
  /** How often a suspicious state is checked again, in milliseconds. */
  scanIntervalMs: number
}

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

  /**
   * Synchronises if it is due. Resolves to true if the table was changed.
   *
   * The order of the reads matters. A shard that was listed as closed has no records after the tip. And the tip is
   * older than every lease, in case the table is still empty: if two workers start an application at the same time,
   * neither skips records that arrived after the first lease was created.
   */
  async runIfDue(): Promise<boolean> {
    const { clock, store, stream, shardSyncIntervalMs, scanIntervalMs } = this.#settings
    if (clock.now() < this.#nextAt) return false
    const shards = await stream.listShards()
    this.#listed = lineageOf(shards)
    this.#newestStart = newestStartOf(shards)
    const tip = await this.#tip(shards)
    const leases = await store.list({ consistent: true })
    const isWhole = this.#audit(shards, leases)
    // An application that starts on a list with a hole would skip the shards in the hole.
    const changed = (isWhole || leases.length > 0) && (await this.#apply(shards, leases, tip))
    this.#nextAt = clock.now() + (isWhole ? shardSyncIntervalMs : scanIntervalMs)
    return changed
  }

  /** Returns the time of LATEST; 0 if it is not needed, because the application has started. */
  async #tip(shards: readonly Shard[]): Promise<number> {
    const open = shards.find(shard => !shard.closed)
    if (this.#started || this.#settings.initialPosition !== 'LATEST' || !open) return 0
    return await tipOf(open.shardId, this.#settings)
  }

  async #apply(shards: readonly Shard[], leases: readonly Lease[], tip: number): Promise<boolean> {
    const { store, initialPosition } = this.#settings
    if (leases.length > 0) this.#started = laterPlace([...leases, ...(this.#started ? [this.#started] : [])])
    const place = this.#started ?? firstPlace(initialPosition, tip)
    const missing = planLeases({ shards, leases, place })
    const changes = planChanges(shards, leases)
    const obsolete = obsoleteLeases(leases)
    if (this.#started) for (const lease of missing) await store.create(lease)
    else this.#started = startingAt(await this.#startApplication(missing, place.startAt))
    for (const { lease, next } of changes) await store.swap(lease, next)
    for (const lease of obsolete) await store.delete(lease)
    return missing.length + changes.length + obsolete.length > 0
  }

  /**
   * Creates the first leases of the application. Resolves to the start time of the application. If several workers start
   * it at once, their wall clocks may differ. All of them create the first lease first. The worker that succeeds decides
   * the start time, and the other workers take the time from that lease.
   */
  async #startApplication(leases: readonly Lease[], startsAt: number | undefined): Promise<number | undefined> {
    const { store } = this.#settings
    let startAt = startsAt
    for (const lease of leases) {
      if (await store.create({ ...lease, startAt })) continue
      const existing = await store.get(lease.leaseKey)
      startAt = existing?.startAt ?? startAt // A lease that KCL created has no start time.
    }
    return startAt
  }

  /** Returns true if both the open shards and the leases that have not ended cover every hash key. */
  #audit(shards: readonly Shard[], leases: readonly Lease[]): boolean {
    const hole = findHole(shards.filter(shard => !shard.closed)) ?? holeInLeases(shards, leases)
    this.#strikes = hole === undefined ? 0 : this.#strikes + 1
    if (hole !== undefined && this.#strikes === STRIKES) {
      this.#settings.events.emit('hashRangeHole', { hashKey: hole.toString() })
    }
    return hole === undefined
  }
}

/** Returns the first hash key without a lease. An empty table has no hole, because it has not been filled yet. */
function holeInLeases(shards: readonly Shard[], leases: readonly Lease[]): bigint | undefined {
  if (leases.length === 0) return undefined
  const byId = new Map(shards.map(shard => [shard.shardId, shard]))
  // Old versions of KCL write no hash range into a lease.
  const range = (lease: Lease) => (lease.startingHashKey === undefined ? (byId.get(lease.leaseKey) ?? lease) : lease)
  return findHole(leases.filter(isOpen).map(range))
}
