import type { Clock } from '../clock.ts'
import { isOpen, type Lease } from '../leases/lease.ts'
import type { LeaseStore } from '../leases/lease-store.ts'
import type { ConsumerEmitter } from '../metrics/emitter.ts'
import type { StreamReader } from '../stream.ts'
import { findHole } from './hash-range.ts'
import { firstPlace, type InitialPosition, laterPlace, type StartingPlace, startingAt } from './initial-position.ts'
import { type Lineage, lineageOf, obsoleteLeases, planChanges, planLeases } from './lease-plan.ts'
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
  /** How often what does not look right is looked at again, in milliseconds. */
  scanIntervalMs: number
}

/** A hole is told of once it has been seen so often in a row: a reshard under way looks like one for a moment. */
const STRIKES = 3

/** Keeps the lease table and the stream's shards in step: makes what is missing, takes away what nobody needs any more. */
export class ShardSync {
  readonly #settings: ShardSyncSettings
  #listed: Lineage = new Map()
  /** Where the application started, once it has leases: a table that is emptied since is no new application. */
  #started: StartingPlace | undefined
  #nextAt = Number.NEGATIVE_INFINITY
  #strikes = 0

  constructor(settings: ShardSyncSettings) {
    this.#settings = settings
  }

  /** Whether the shards have been looked at, ever. */
  get hasRun(): boolean {
    return this.#nextAt > Number.NEGATIVE_INFINITY
  }

  /** The shards that the stream had at the last look. */
  get listed(): Lineage {
    return this.#listed
  }

  /**
   * Where it is time to look: resolves to whether the table was changed.
   *
   * The order of the reads matters. A shard that was listed as closed has nothing from after the tip; and the tip is older
   * than every lease, should the table still be empty: of two workers that start an application at once, neither loses what
   * has come since the first lease was made.
   */
  async runIfDue(): Promise<boolean> {
    const { clock, store, stream, shardSyncIntervalMs, scanIntervalMs } = this.#settings
    if (clock.now() < this.#nextAt) return false
    const shards = await stream.listShards()
    this.#listed = lineageOf(shards)
    const tip = await this.#tip(shards)
    const leases = await store.list({ consistent: true })
    const isWhole = this.#audit(shards, leases)
    // An application that starts on a list with a hole would leave out what is in it.
    const changed = (isWhole || leases.length > 0) && (await this.#apply(shards, leases, tip))
    this.#nextAt = clock.now() + (isWhole ? shardSyncIntervalMs : scanIntervalMs)
    return changed
  }

  /** What LATEST means now; of no use once the application has started. */
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
    for (const lease of missing) await store.create(lease)
    for (const { lease, next } of changes) await store.swap(lease, next)
    for (const lease of obsolete) await store.delete(lease)
    this.#started ??= startingAt(place.startAt)
    return missing.length + changes.length + obsolete.length > 0
  }

  /** Whether the open shards cover every hash key, and the leases that are not ended do so too. */
  #audit(shards: readonly Shard[], leases: readonly Lease[]): boolean {
    const hole = findHole(shards.filter(shard => !shard.closed)) ?? holeInLeases(shards, leases)
    this.#strikes = hole === undefined ? 0 : this.#strikes + 1
    if (hole !== undefined && this.#strikes === STRIKES) {
      this.#settings.events.emit('hashRangeHole', { hashKey: hole.toString() })
    }
    return hole === undefined
  }
}

/** A table that is empty has no hole: it has not been filled yet. */
function holeInLeases(shards: readonly Shard[], leases: readonly Lease[]): bigint | undefined {
  if (leases.length === 0) return undefined
  const byId = new Map(shards.map(shard => [shard.shardId, shard]))
  // Old versions of KCL write no range into a lease.
  const range = (lease: Lease) => (lease.startingHashKey === undefined ? (byId.get(lease.leaseKey) ?? lease) : lease)
  return findHole(leases.filter(isOpen).map(range))
}
