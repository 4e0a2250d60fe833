import type { Clock } from '../../consumer/clock.ts'
import type { ConsumerAdmin } from '../../consumer/index.ts'
import type { Lease } from '../../consumer/leases/lease.ts'
import type { Shard } from '../../consumer/shards/shard.ts'
import type { StreamReader } from '../../consumer/stream.ts'
import type { ArrivalView, LagView } from '../snapshot.ts'
import { ArrivalSampler } from './arrivals.ts'

export interface MeasurementsSettings {
  admin: Pick<ConsumerAdmin, 'lagOf'>
  /** Its reads are paced. */
  stream: StreamReader
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
}

export interface Measuring {
  /** Returns the ids of all shards. */
  ids(): readonly string[]
  lease(shardId: string): Lease | undefined
  shard(shardId: string): Shard | undefined
  /** Runs a measurement of a shard, and shows its failure. */
  attempt(shardId: string, run: () => Promise<void>): Promise<void>
}

/** Shards are measured one after the other, but not more often than this. */
const INTERVAL_MS = 2_000
const MIN_WAIT_MS = 100
const MAX_PARALLEL = 10
/** All shards together are read at most ten times a second, and a measurement reads a shard twice. */
const SHARD_MS = 200

/** Measures how far each shard is behind, and what arrives on it. */
export class Measurements {
  readonly lags = new Map<string, LagView>()
  readonly arrivals = new Map<string, ArrivalView>()
  readonly #settings: MeasurementsSettings
  readonly #sampler: ArrivalSampler

  constructor(settings: MeasurementsSettings) {
    this.#settings = settings
    this.#sampler = new ArrivalSampler(settings.stream, settings.wallClock)
  }

  /** Returns how old the oldest measurement can be with this number of shards, in milliseconds. */
  static intervalMs(shards: number): number {
    return Math.max(INTERVAL_MS, shards * SHARD_MS)
  }

  /** Measures until the signal fires. */
  run(measuring: Measuring, signal: AbortSignal): void {
    for (let index = 0; index < MAX_PARALLEL; index++) void this.#loop(index, measuring, signal)
  }

  /** Forgets the shards that are not among these. */
  keep(ids: { has(id: string): boolean }): void {
    for (const measured of [this.lags, this.arrivals]) {
      for (const id of measured.keys()) if (!ids.has(id)) measured.delete(id)
    }
  }

  /** Measures every tenth shard, one after the other. */
  async #loop(index: number, measuring: Measuring, signal: AbortSignal): Promise<void> {
    const { clock } = this.#settings
    while (!signal.aborted) {
      const beganAt = clock.now()
      for (const shardId of measuring.ids().filter((_, position) => position % MAX_PARALLEL === index)) {
        if (signal.aborted) return
        await measuring.attempt(shardId, () => this.#measure(shardId, measuring, signal))
      }
      await clock.sleep(Math.max(MIN_WAIT_MS, beganAt + INTERVAL_MS - clock.now()), signal)
    }
  }

  /** Measures the lag of a shard, and if it is open, what arrives. */
  async #measure(shardId: string, { lease: leaseOf, shard: shardOf }: Measuring, signal: AbortSignal): Promise<void> {
    const { admin, wallClock } = this.#settings
    const lease = leaseOf(shardId)
    const shard = shardOf(shardId)
    if (lease) {
      const { doneUpTo, oldestWaiting, isTrimmed } = await admin.lagOf(lease)
      this.lags.set(shardId, {
        doneUpTo: doneUpTo?.getTime() ?? null,
        oldestWaiting: oldestWaiting?.getTime() ?? null,
        isTrimmed,
        measuredAt: wallClock(),
      })
    }
    if (shard && !shard.closed) {
      const arrivals = await this.#sampler.sample(shardId, signal)
      if (arrivals) this.arrivals.set(shardId, arrivals)
    } else this.arrivals.delete(shardId)
  }
}
