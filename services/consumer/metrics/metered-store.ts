import { compareCheckpoints } from '../checkpoint.ts'
import type { ConsumerEvents } from '../events.ts'
import type { Lease } from '../leases/lease.ts'
import type { LeaseStore } from '../leases/lease-store.ts'
import type { Counters } from './counters.ts'

export interface LeaseTableSettings {
  store: LeaseStore
  counters: Counters
  /** Monotonic milliseconds. */
  now(): number
  events: { emit<Name extends 'checkpointed' | 'leaseRenewed'>(name: Name, ...args: ConsumerEvents[Name]): unknown }
}

/** A lease store that counts reads and writes where they are sent, and remembers the last read. */
export class MeteredLeaseStore implements LeaseStore {
  readonly #settings: LeaseTableSettings
  readonly #checkpointedAt = new Map<string, number>()
  #leases: readonly Lease[] = []

  constructor(settings: LeaseTableSettings) {
    this.#settings = settings
  }

  /** Every lease of the application, as last read by this worker. */
  get lastRead(): readonly Lease[] {
    return this.#leases
  }

  /** Monotonic time at which this worker last moved the checkpoint of the shard; undefined if it has not. */
  checkpointedAt(leaseKey: string): number | undefined {
    return this.#checkpointedAt.get(leaseKey)
  }

  ensureTable(signal?: AbortSignal): Promise<void> {
    return this.#settings.store.ensureTable(signal)
  }

  async list(reading?: { consistent: boolean }): Promise<Lease[]> {
    this.#settings.counters.leaseTableReads++
    const leases = await this.#settings.store.list(reading)
    this.#leases = leases
    this.#forgetOthers(leases)
    return leases
  }

  get(leaseKey: string): Promise<Lease | undefined> {
    this.#settings.counters.leaseTableReads++
    return this.#settings.store.get(leaseKey)
  }

  create(lease: Lease): Promise<boolean> {
    this.#settings.counters.leaseTableWrites++
    return this.#settings.store.create(lease)
  }

  async swap(previous: Lease, next: Lease): Promise<Lease | undefined> {
    const { store, counters, events, now } = this.#settings
    const { leaseKey: shardId, leaseCounter: fencingToken } = next
    counters.leaseTableWrites++
    const written = await store.swap(previous, next)
    if (!written) return undefined
    if (compareCheckpoints(next.checkpoint, previous.checkpoint) > 0) {
      this.#checkpointedAt.set(shardId, now())
      events.emit('checkpointed', { shardId, checkpoint: next.checkpoint, leaseCounter: fencingToken })
    } else if (isRenewal(previous, next)) {
      events.emit('leaseRenewed', { shardId, leaseCounter: fencingToken })
    }
    if (next.leaseOwner === undefined) this.#checkpointedAt.delete(shardId)
    return written
  }

  delete(lease: Lease): Promise<boolean> {
    this.#settings.counters.leaseTableWrites++
    return this.#settings.store.delete(lease)
  }

  /**
   * Forgets shards whose rows are gone. Another worker may have taken such a lease, so that no write of this worker
   * ended it.
   */
  #forgetOthers(leases: readonly Lease[]): void {
    if (this.#checkpointedAt.size === 0) return
    const known = new Set(leases.map(lease => lease.leaseKey))
    for (const leaseKey of this.#checkpointedAt.keys()) if (!known.has(leaseKey)) this.#checkpointedAt.delete(leaseKey)
  }
}

/** A request for a lease does not change its counter and does not show that the owner is alive. */
function isRenewal(previous: Lease, next: Lease): boolean {
  const sameOwner = next.leaseOwner !== undefined && next.leaseOwner === previous.leaseOwner
  return sameOwner && next.leaseCounter > previous.leaseCounter
}
