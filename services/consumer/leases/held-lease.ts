import { type Checkpoint, compareCheckpoints } from '../checkpoint.ts'
import type { Clock } from '../clock.ts'
import { LeaseLostError } from '../errors.ts'
import { endLease, type Lease, releaseLease, renewLease } from './lease.ts'
import type { LeaseStore } from './lease-store.ts'

/** Why a worker no longer holds a lease. */
export type LossReason =
  | 'taken by another worker'
  | 'not renewed in time'
  | 'deleted'
  | 'released'
  | 'left to expire'
  | 'shard ended'

export interface HeldLeaseSettings {
  /** The row as this worker wrote it when it took the lease. */
  lease: Lease
  /** Monotonic time at which that write was sent. */
  takenAt: number
  store: LeaseStore
  clock: Clock
  failoverMs: number
  /** Called with the row after each confirmed write. It contains what other workers have written into it. */
  onWritten?(row: Lease): void
}

/**
 * A lease that this worker holds. It fences itself: once the failover time has passed since the last confirmed write
 * was sent, other workers may consider this one dead. The lease is then neither renewed nor checkpointed, and `signal`
 * fires.
 *
 * A lost reply to a write does not lose the lease: the row is read again, and if it contains this worker's write, the
 * lease is still held.
 */
export class HeldLease {
  readonly #store: LeaseStore
  readonly #clock: Clock
  readonly #failoverMs: number
  readonly #onWritten: ((row: Lease) => void) | undefined
  readonly #lost = new AbortController()
  #row: Lease
  #validUntil: number
  #lastWriteAt: number
  /**
   * Time at which the first unconfirmed write since the last confirmed one was sent. Any of these writes may be in the
   * table.
   */
  #unconfirmedSince: number | undefined
  /** The unconfirmed write that ends this hold: the row that it writes, and the reason if it has arrived. */
  #unconfirmedFinalWrite: FinalWrite | undefined
  #writing: Promise<unknown> = Promise.resolve()
  #lossReason: LossReason | undefined

  constructor({ lease, takenAt, store, clock, failoverMs, onWritten }: HeldLeaseSettings) {
    this.#row = lease
    this.#store = store
    this.#clock = clock
    this.#failoverMs = failoverMs
    this.#onWritten = onWritten
    this.#validUntil = takenAt + failoverMs
    this.#lastWriteAt = takenAt
  }

  get leaseKey(): string {
    return this.#row.leaseKey
  }

  get row(): Lease {
    return this.#row
  }

  /** Fires when the lease is no longer held, for any reason. */
  get signal(): AbortSignal {
    return this.#lost.signal
  }

  get lossReason(): LossReason | undefined {
    return this.#lossReason
  }

  /** Monotonic time at which the last confirmed write was sent. */
  get lastWriteAt(): number {
    return this.#lastWriteAt
  }

  /**
   * Returns true if work may start under this lease now. Reads the clock each time, because after a stall no timer has
   * fired yet.
   *
   * @param now the clock's time, if the caller has just read it
   */
  isValid(now = this.#clock.now()): boolean {
    if (this.#lossReason) return false
    if (now < this.#validUntil) return true
    this.lose('not renewed in time')
    return false
  }

  /** Watches the clock until the lease is lost, so that `signal` fires in time even if every write hangs. */
  async guard(): Promise<void> {
    // Sleeps before the first check, so that a lease that expired before its take was confirmed is also reported as
    // lost.
    do await this.#clock.sleep(this.#validUntil - this.#clock.now(), this.signal)
    while (this.isValid())
  }

  /** Renews the lease and writes the progress of the shard. */
  heartbeat(progress: Checkpoint): Promise<void> {
    return this.#write({ make: row => renewLease(row, progress) })
  }

  /** Writes SHARD_END. The leases of the children must already exist. */
  async end(childShardIds: readonly string[]): Promise<void> {
    await this.#write({ make: row => endLease(row, childShardIds), finalReason: 'shard ended' })
    this.lose('shard ended')
  }

  /** Writes the remaining progress and releases the lease, so that any worker can take it at once. */
  async release(progress: Checkpoint): Promise<void> {
    await this.#write({ make: row => releaseLease(row, progress), finalReason: 'released' })
    this.lose('released')
  }

  lose(reason: LossReason): void {
    if (this.#lossReason) return
    this.#lossReason = reason
    this.#lost.abort(new LeaseLostError(`The lease of '${this.leaseKey}' is no longer held: ${reason}.`))
  }

  /** Writes one at a time: each write is made from the row that the previous one left. */
  #write(transition: Transition): Promise<void> {
    const write = this.#writing.then(() => this.#swap(transition))
    this.#writing = write.catch(() => undefined) // The caller sees the rejection. The next write starts afresh.
    return write
  }

  async #swap(transition: Transition): Promise<void> {
    if (!this.isValid()) throw this.#lost.signal.reason
    const next = transition.make(this.#row)
    const sentAt = this.#clock.now()
    if (transition.finalReason) {
      const isOnlyWrite = this.#unconfirmedSince === undefined
      this.#unconfirmedFinalWrite ??= { row: next, reason: transition.finalReason, isOnlyWrite }
    }
    const mayHaveArrivedSince = this.#unconfirmedSince ?? sentAt
    this.#unconfirmedSince = mayHaveArrivedSince
    const written = await this.#store.swap(this.#row, next)
    if (written) {
      this.#acknowledge(next, sentAt)
      this.#onWritten?.(written)
      return
    }

    let current = await this.#store.get(this.leaseKey)
    // Only a person deletes the lease of a shard that is being read. This worker alone knows the progress, so it writes
    // the row again.
    if (!current && this.isValid()) {
      if (await this.#store.create(next)) return this.#acknowledge(next, sentAt)
      current = await this.#store.get(this.leaseKey) // This call may have created the row at its first attempt.
    }
    if (!current || !this.#isOwnWrite(current, next)) {
      this.lose(this.#lossReasonFrom(current))
      throw this.#lost.signal.reason
    }
    this.#acknowledge(current, mayHaveArrivedSince)
    // The write that arrived may be an earlier one. Then this one is still to be made.
    if (!isSameOutcome(current, next)) await this.#swap(transition)
  }

  #acknowledge(row: Lease, sentAt: number): void {
    this.#row = row
    this.#unconfirmedSince = undefined
    this.#unconfirmedFinalWrite = undefined
    this.#lastWriteAt = sentAt
    this.#validUntil = sentAt + this.#failoverMs
  }

  /** Determines how the lease was lost: released before another worker took it, or taken away before that. */
  #lossReasonFrom(current: Lease | undefined): LossReason {
    if (!current) return 'deleted'
    const finalWrite = this.#unconfirmedFinalWrite
    // A release removes the session, and it does not come back. KCL keeps the session when it takes a lease from this
    // worker.
    const isStillOurs = current.session !== undefined && current.session === this.#row.session
    return finalWrite && !isStillOurs && hasArrived(finalWrite, current) ? finalWrite.reason : 'taken by another worker'
  }

  /**
   * Returns true if the row is a write of this worker: its counter is one higher and it has this session, or it is a
   * release, which has no owner. A row with a `checkpointOwner` is a write of the leader of KCL 3: another worker still
   * processes the shard, and will hand the lease over to this one.
   */
  #isOwnWrite(current: Lease, next: Lease): boolean {
    if (current.leaseCounter !== this.#row.leaseCounter + 1) return false
    if (current.leaseOwner === undefined) return next.leaseOwner === undefined
    if (current.checkpointOwner !== this.#row.checkpointOwner) return false
    return current.leaseOwner === this.#row.leaseOwner && current.session === this.#row.session
  }
}

interface Transition {
  make(row: Lease): Lease
  /** The reason of the loss, if this write ends the hold. */
  readonly finalReason?: FinalWrite['reason']
}

interface FinalWrite {
  readonly row: Lease
  readonly reason: 'released' | 'shard ended'
  /** False if an earlier unconfirmed write was made from the same row. */
  readonly isOnlyWrite: boolean
}

/**
 * Returns true if a row shows that this worker's last write arrived: the row is that write or a later one. Its counter
 * is as high without an owner, or higher, and its checkpoint is not behind. If an earlier write from the same row may
 * have arrived instead, a later row does not show which of the two it followed, so only the write itself counts.
 */
function hasArrived({ row: ours, isOnlyWrite }: FinalWrite, current: Lease): boolean {
  const ahead = current.leaseCounter - ours.leaseCounter
  const isWriteItself = ahead === 0 && current.leaseOwner === undefined
  const isLater = ahead >= (current.leaseOwner === undefined ? 0 : 1)
  return (isOnlyWrite ? isLater : isWriteItself) && compareCheckpoints(current.checkpoint, ours.checkpoint) >= 0
}

function isSameOutcome(current: Lease, next: Lease): boolean {
  return current.leaseOwner === next.leaseOwner && compareCheckpoints(current.checkpoint, next.checkpoint) === 0
}
