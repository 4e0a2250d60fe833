import type { Lease } from '../../services/consumer/leases/lease.ts'
import { VirtualTime } from '../../test/simulation/clock.ts'
import { LeaseTable, type LeaseWrite, SharedTable } from '../../test/simulation/dynamodb-model.ts'
import { RandomStreams, type SeededRandom } from '../../test/simulation/random.ts'
import { readUnits, rowBytes } from './capacity.ts'
import { FleetWorker } from './worker.ts'

/** Bytes of the first rows from which the size of all rows is taken. */
const SAMPLED_ROWS = 20

/** The request units that were charged so far. */
export interface Charges {
  readonly at: number
  readonly reads: number
  readonly writes: number
  /** Writes that were charged although their condition failed. Included in `writes`. */
  readonly refused: number
}

/** A lease without a live owner: from the end of its last owner to its next one. */
export interface Gap {
  readonly leaseKey: string
  readonly ms: number
}

/** A fleet of consumers on one lease table and one stream, in virtual time. */
export class FleetWorld {
  readonly time = new VirtualTime()
  readonly random: SeededRandom
  readonly streams: RandomStreams
  readonly table: LeaseTable
  readonly shards: number
  readonly gaps: Gap[] = []
  /** How often a lease went from one worker to another. */
  moves = 0
  /** When a lease last got an owner or lost one. */
  movedAt = 0
  workers: FleetWorker[] = []
  #reads = 0
  #writes = 0
  #refused = 0
  #runs = 0
  readonly #owners = new Map<string, string>()
  readonly #lastOwners = new Map<string, string>()
  readonly #ownerlessSince = new Map<string, number>()
  readonly #counts = new Map<string, number>()

  constructor(shards: number, seed: number) {
    this.shards = shards
    this.streams = new RandomStreams(seed)
    this.random = this.streams.of('fleet')
    this.table = new LeaseTable(new SharedTable(() => this.time.now), write => this.#written(write))
    this.table.ensure(0)
  }

  join(): FleetWorker {
    const worker = new FleetWorker(this, this.#runs++)
    this.workers.push(worker)
    this.#counts.set(worker.workerId, 0)
    this.inside(() => worker.consumer.start())
    return worker
  }

  /** Ends a worker at once. */
  kill(worker: FleetWorker): void {
    worker.process.kill()
    this.#depart(worker)
    for (const [leaseKey, owner] of this.#owners) if (owner === worker.workerId) this.#isOwnerless(leaseKey)
  }

  /** Stops a worker as SIGTERM does. */
  stop(worker: FleetWorker): void {
    this.#depart(worker)
    this.inside(async () => {
      await worker.consumer.stop()
      worker.process.kill()
    })
  }

  /** Charges a read of some rows. */
  read(leases: readonly Lease[], consistent = false): void {
    this.#reads += readUnits(meanBytes(leases) * leases.length, consistent)
  }

  /** Mean size of a row in bytes. */
  get rowBytes(): number {
    return meanBytes(this.table.all())
  }

  /** Charges a write. A row is smaller than a write unit. */
  wrote(isRefused: boolean): void {
    this.#writes++
    if (isRefused) this.#refused++
  }

  get charges(): Charges {
    return { at: this.time.now, reads: this.#reads, writes: this.#writes, refused: this.#refused }
  }

  /** Number of leases that a running worker holds. */
  get held(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Returns true if every lease is held and no two running workers differ by more than one. */
  get isBalanced(): boolean {
    if (this.held < this.shards) return false
    const counts = [...this.#counts.values()]
    return Math.max(...counts) - Math.min(...counts) <= 1
  }

  /** Runs until a condition holds. Resolves to false if it does not within `ms`. */
  async until(isDone: () => boolean, ms: number): Promise<boolean> {
    await this.time.run(this.time.now + ms, isDone)
    return isDone()
  }

  /** Code under test that the clock does not call. Its continuations must be drained. */
  inside(run: () => Promise<void>): void {
    this.time.woke()
    void run()
  }

  close(): void {
    for (const worker of this.workers) worker.process.kill()
  }

  #depart(worker: FleetWorker): void {
    this.workers = this.workers.filter(other => other !== worker)
    this.#counts.delete(worker.workerId)
  }

  #isOwnerless(leaseKey: string): void {
    if (!this.#ownerlessSince.has(leaseKey)) this.#ownerlessSince.set(leaseKey, this.time.now)
  }

  #written({ leaseKey, before, after }: LeaseWrite): void {
    if (before?.leaseOwner === after?.leaseOwner && before) return
    this.movedAt = this.time.now
    this.#count(before?.leaseOwner, -1)
    this.#count(after?.leaseOwner, 1)
    const owner = after?.leaseOwner
    if (owner === undefined || !this.#counts.has(owner)) {
      this.#isOwnerless(leaseKey)
      this.#owners.set(leaseKey, owner ?? '')
      return
    }
    this.#owners.set(leaseKey, owner)
    const last = this.#lastOwners.get(leaseKey)
    if (last !== undefined && last !== owner) this.moves++
    this.#lastOwners.set(leaseKey, owner)
    const since = this.#ownerlessSince.get(leaseKey)
    if (since !== undefined) this.gaps.push({ leaseKey, ms: this.time.now - since })
    this.#ownerlessSince.delete(leaseKey)
  }

  #count(owner: string | undefined, change: number): void {
    const count = owner === undefined ? undefined : this.#counts.get(owner)
    if (owner !== undefined && count !== undefined) this.#counts.set(owner, count + change)
  }
}

function meanBytes(leases: readonly Lease[]): number {
  const sample = leases.slice(0, SAMPLED_ROWS)
  return sample.reduce((sum, lease) => sum + rowBytes(lease), 0) / Math.max(1, sample.length)
}
