import { type Checkpoint, compareCheckpoints, isShardEnd, SHARD_END } from '../checkpoint.ts'

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
  /** Ours: where an AT_TIMESTAMP checkpoint starts, epoch milliseconds. */
  readonly startAt: number | undefined
}

/** What a new lease needs; everything else of it is fixed. */
export type NewLease = Pick<
  Lease,
  'leaseKey' | 'checkpoint' | 'parentShardIds' | 'startingHashKey' | 'endingHashKey' | 'startAt'
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
  }
}

// Each transition below is one write. The store applies it only to the very row that it was made from.

export function taken(lease: Lease, owner: string, session: string): Lease {
  const switches = lease.leaseOwner === owner ? 0 : 1
  return {
    ...advanced(lease),
    leaseOwner: owner,
    session,
    checkpointOwner: undefined,
    ownerSwitchesSinceCheckpoint: lease.ownerSwitchesSinceCheckpoint + switches,
  }
}

/** Keeps the lease: a checkpoint where there is progress to write, which renews as well, else a renewal alone. */
export function progressed(lease: Lease, progress: Checkpoint): Lease {
  if (compareCheckpoints(progress, lease.checkpoint) <= 0) return advanced(lease)
  return { ...advanced(lease), checkpoint: progress, ownerSwitchesSinceCheckpoint: 0, startAt: undefined }
}

/** The end of a shard: its lease is in nobody's hands from then on. */
export function ended(lease: Lease, childShardIds: readonly string[]): Lease {
  return { ...released(lease, SHARD_END), childShardIds }
}

/** Gives the lease up, with the progress that is left to write. */
export function released(lease: Lease, progress: Checkpoint): Lease {
  return { ...progressed(lease, progress), leaseOwner: undefined, session: undefined }
}

/** Whether there is anything left to read behind the lease. */
export function isOpen(lease: Lease): boolean {
  return !isShardEnd(lease.checkpoint)
}

function advanced(lease: Lease): Lease {
  return { ...lease, leaseCounter: lease.leaseCounter + 1 }
}
