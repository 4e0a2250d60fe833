import { type Checkpoint, compareCheckpoints, isShardEnd, SHARD_END, TRIM_HORIZON } from '../checkpoint.ts'

/** A row of the lease table: who reads a shard, and how far it is done. */
export interface Lease {
  /** The shard id. */
  readonly leaseKey: string
  /** The worker that holds the lease; undefined when nobody does. */
  readonly leaseOwner: string | undefined
  /** Optimistic lock and heartbeat in one: every write of the row adds 1, and a row whose counter rests is dead. */
  readonly leaseCounter: number
  readonly checkpoint: Checkpoint
  readonly ownerSwitchesSinceCheckpoint: number
  readonly parentShardIds: readonly string[]
  readonly childShardIds: readonly string[]
  readonly startingHashKey: string | undefined
  readonly endingHashKey: string | undefined
  /** KCL 3.x: present while one worker hands the lease to another. Such a lease is left alone. */
  readonly checkpointOwner: string | undefined
  /** Ours: which run of the owner took the lease, so that two workers of one name are told apart. */
  readonly session: string | undefined
  /**
   * Ours: nothing that came before is read, epoch milliseconds by the stream's clock. The moment at which the application
   * started: kept for good and handed down to the children, so that a row that is lost can start where the others did.
   */
  readonly startAt: number | undefined
  /** Ours: the shard's first sequence number. A stream that was made again has shards of the same ids and other numbers. */
  readonly shardStart: string | undefined
  /** Ours: the worker that asks for the lease. Its owner finishes what it has begun and gives the lease up. */
  readonly requestedBy: string | undefined
}

/** What a new lease needs; everything else of it is fixed. */
export type NewLease = Pick<
  Lease,
  'leaseKey' | 'checkpoint' | 'parentShardIds' | 'startingHashKey' | 'endingHashKey' | 'startAt' | 'shardStart'
>

export function newLease(lease: NewLease): Lease {
  return {
    ...lease,
    leaseOwner: undefined,
    leaseCounter: 0,
    ownerSwitchesSinceCheckpoint: 0,
    childShardIds: [],
    checkpointOwner: undefined,
    session: undefined,
    requestedBy: undefined,
  }
}

// Each transition below is one write. The store applies it only to the very row that it was made from.

export function takeLease(lease: Lease, owner: string, session: string): Lease {
  const switches = lease.leaseOwner === owner ? 0 : 1
  return {
    ...withNextCounter(lease),
    leaseOwner: owner,
    session,
    checkpointOwner: undefined,
    requestedBy: undefined,
    ownerSwitchesSinceCheckpoint: lease.ownerSwitchesSinceCheckpoint + switches,
  }
}

/** Asks the owner for the lease. The counter stays: a request is no sign of the owner's life. */
export function requestLease(lease: Lease, by: string): Lease {
  return { ...lease, requestedBy: by }
}

/** The lease of a shard that bears the id of an earlier one, of a stream that is no more. */
export function restartLease(lease: Lease, fresh: Lease): Lease {
  return { ...fresh, leaseCounter: lease.leaseCounter + 1 }
}

/** Keeps the lease: a checkpoint where there is progress to write, which renews as well, else a renewal alone. */
export function renewLease(lease: Lease, progress: Checkpoint): Lease {
  if (compareCheckpoints(progress, lease.checkpoint) <= 0) return withNextCounter(lease)
  return { ...withNextCounter(lease), checkpoint: progress, ownerSwitchesSinceCheckpoint: 0 }
}

/** The end of a shard: its lease is in nobody's hands from then on. */
export function endLease(lease: Lease, childShardIds: readonly string[]): Lease {
  return { ...releaseLease(lease, SHARD_END), childShardIds }
}

/** Gives the lease up, with the progress that is left to write. */
export function releaseLease(lease: Lease, progress: Checkpoint): Lease {
  return { ...renewLease(lease, progress), leaseOwner: undefined, session: undefined }
}

/**
 * Puts a lease back to a moment, epoch milliseconds by the stream's clock, for an operator: in nobody's hands, so that a worker that
 * holds it finds out by its next write. KCL, which knows no such moment, reads it from its first record.
 */
export function rewindLease(lease: Lease, startAt: number): Lease {
  return {
    ...releaseLease(lease, lease.checkpoint),
    checkpoint: TRIM_HORIZON,
    ownerSwitchesSinceCheckpoint: 0,
    checkpointOwner: undefined,
    requestedBy: undefined,
    startAt,
  }
}

/** Whether there is anything left to read behind the lease. */
export function isOpen(lease: Lease): boolean {
  return !isShardEnd(lease.checkpoint)
}

function withNextCounter(lease: Lease): Lease {
  return { ...lease, leaseCounter: lease.leaseCounter + 1 }
}
