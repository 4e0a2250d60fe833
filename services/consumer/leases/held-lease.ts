import { type Checkpoint, compareCheckpoints } from '../checkpoint.ts'
import type { Clock } from '../clock.ts'
import { LeaseLostError } from '../errors.ts'
import { endLease, type Lease, releaseLease, renewLease } from './lease.ts'
import type { LeaseStore } from './lease-store.ts'

/** Why a worker's hold on a lease came to its end. */
export type LossReason =
  | 'taken by another worker'
  | 'not renewed in time'
  | 'deleted'
  | 'released'
  | 'left to expire'
  | 'shard ended'

export interface HeldLeaseSettings {
  /** The row as this worker's own take wrote it. */
  lease: Lease
  /** Monotonic time at which that take was sent. */
  takenAt: number
  store: LeaseStore
  clock: Clock
  failoverMs: number
}

/**
 * A lease in this worker's hands. Fences itself: once the failover time has passed since the last write that is known to
 * have arrived was sent, others may think it dead, so it neither renews nor checkpoints, and `signal` fires.
 *
 * A write whose reply was lost is not a lost lease: the row is read again, and where it shows our own write, it is ours.
 */
export class HeldLease {
  readonly #store: LeaseStore
  readonly #clock: Clock
  readonly #failoverMs: number
  readonly #lost = new AbortController()
  #row: Lease
  #validUntil: number
  #lastWriteAt: number
  /** When the first write since the last acknowledged one was sent: one of them may be in the table. */
  #unconfirmedSince: number | undefined
  /** The write in doubt that gives the lease up: the row that it makes, and what it means if it has arrived. */
  #unconfirmedFinalWrite: FinalWrite | undefined
  #writing: Promise<unknown> = Promise.resolve()
  #lossReason: LossReason | undefined

  constructor({ lease, takenAt, store, clock, failoverMs }: HeldLeaseSettings) {
    this.#row = lease
    this.#store = store
    this.#clock = clock
    this.#failoverMs = failoverMs
    this.#validUntil = takenAt + failoverMs
    this.#lastWriteAt = takenAt
  }

  get leaseKey(): string {
    return this.#row.leaseKey
  }

  get row(): Lease {
    return this.#row
  }

  /** Fires when the lease is no longer held, for whatever reason. */
  get signal(): AbortSignal {
    return this.#lost.signal
  }

  get lossReason(): LossReason | undefined {
    return this.#lossReason
  }

  /** Monotonic time at which the last write that arrived was sent. */
  get lastWriteAt(): number {
    return this.#lastWriteAt
  }

  /**
   * Whether work may start under this lease now. Asks the clock each time: after a stall no timer has fired yet.
   *
   * @param now the clock's time, where it has just been asked
   */
  isValid(now = this.#clock.now()): boolean {
    if (this.#lossReason) return false
    if (now < this.#validUntil) return true
    this.lose('not renewed in time')
    return false
  }

  /** Watches the clock until the lease is gone, so that `signal` fires on time even while every write hangs. */
  async guard(): Promise<void> {
    // Looks a moment later at the earliest: a lease that has run out before its take was answered is lost aloud.
    do await this.#clock.sleep(this.#validUntil - this.#clock.now(), this.signal)
    while (this.isValid())
  }

  /** Keeps the lease, and writes how far the shard is done. */
  heartbeat(progress: Checkpoint): Promise<void> {
    return this.#write({ make: row => renewLease(row, progress) })
  }

  /** Writes SHARD_END. The leases of the children must exist before. */
  async end(childShardIds: readonly string[]): Promise<void> {
    await this.#write({ make: row => endLease(row, childShardIds), finalReason: 'shard ended' })
    this.lose('shard ended')
  }

  /** Writes the progress that is left to write and gives the lease up, for any worker to take at once. */
  async release(progress: Checkpoint): Promise<void> {
    await this.#write({ make: row => releaseLease(row, progress), finalReason: 'released' })
    this.lose('released')
  }

  lose(reason: LossReason): void {
    if (this.#lossReason) return
    this.#lossReason = reason
    this.#lost.abort(new LeaseLostError(`The lease of '${this.leaseKey}' is gone: ${reason}.`))
  }

  /** Writes one at a time: each is made from the row that the one before has left. */
  #write(transition: Transition): Promise<void> {
    const write = this.#writing.then(() => this.#swap(transition))
    this.#writing = write.catch(() => undefined) // Reported to whoever asked for it; the next one starts afresh.
    return write
  }

  async #swap(transition: Transition): Promise<void> {
    if (!this.isValid()) throw this.#lost.signal.reason
    const next = transition.make(this.#row)
    const sentAt = this.#clock.now()
    const mayHaveArrivedSince = this.#unconfirmedSince ?? sentAt
    this.#unconfirmedSince = mayHaveArrivedSince
    if (transition.finalReason) this.#unconfirmedFinalWrite ??= { row: next, reason: transition.finalReason }
    if (await this.#store.swap(this.#row, next)) return this.#acknowledge(next, sentAt)

    let current = await this.#store.get(this.leaseKey)
    // Nobody but a stranger deletes the lease of a shard that is being read. How far it is done is known here alone.
    if (!current && this.isValid()) {
      if (await this.#store.create(next)) return this.#acknowledge(next, sentAt)
      current = await this.#store.get(this.leaseKey) // Made by this very call, it may be, at its first try.
    }
    if (!current || !this.#isOwnWrite(current, next)) {
      this.lose(this.#lossReasonFrom(current))
      throw this.#lost.signal.reason
    }
    this.#acknowledge(current, mayHaveArrivedSince)
    // What arrived may be an earlier write than this one: then this one is still to be done.
    if (!isSameOutcome(current, next)) await this.#swap(transition)
  }

  #acknowledge(row: Lease, sentAt: number): void {
    this.#row = row
    this.#unconfirmedSince = undefined
    this.#unconfirmedFinalWrite = undefined
    this.#lastWriteAt = sentAt
    this.#validUntil = sentAt + this.#failoverMs
  }

  /** Whoever came for the lease since it was given up came after us; else it was taken away before that. */
  #lossReasonFrom(current: Lease | undefined): LossReason {
    if (!current) return 'deleted'
    const finalWrite = this.#unconfirmedFinalWrite
    // The session that a parting takes away does not come back; KCL leaves it where it is when it takes a lease from us.
    const isStillOurs = current.session !== undefined && current.session === this.#row.session
    return finalWrite && !isStillOurs && mayFollow(finalWrite.row, current)
      ? finalWrite.reason
      : 'taken by another worker'
  }

  /** Our own write is one step on, and bears our session; only a release of ours leaves the lease in nobody's hands. */
  #isOwnWrite(current: Lease, next: Lease): boolean {
    if (current.leaseCounter !== this.#row.leaseCounter + 1) return false
    if (current.leaseOwner === undefined) return next.leaseOwner === undefined
    return current.leaseOwner === this.#row.leaseOwner && current.session === this.#row.session
  }
}

interface Transition {
  make(row: Lease): Lease
  /** What the lease's end is called where the write is one. */
  readonly finalReason?: FinalWrite['reason']
}

interface FinalWrite {
  readonly row: Lease
  readonly reason: 'released' | 'shard ended'
}

/** Whether a row is that write of ours or one that came after it: as far on, in nobody's hands or farther, its checkpoint not behind. */
function mayFollow(ours: Lease, current: Lease): boolean {
  const isFarther = current.leaseCounter - ours.leaseCounter >= (current.leaseOwner === undefined ? 0 : 1)
  return isFarther && compareCheckpoints(current.checkpoint, ours.checkpoint) >= 0
}

function isSameOutcome(current: Lease, next: Lease): boolean {
  return current.leaseOwner === next.leaseOwner && compareCheckpoints(current.checkpoint, next.checkpoint) === 0
}
