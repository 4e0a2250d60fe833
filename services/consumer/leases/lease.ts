import { type Checkpoint, compareCheckpoints, isShardEnd, SHARD_END, TRIM_HORIZON } from '../checkpoint.ts'

/** A row of the lease table: which worker reads a shard, and how far the shard has been processed. */
export interface Lease {
  /** The shard id. */
  readonly leaseKey: string
  /** The worker that holds the lease; undefined if no worker does. */
  readonly leaseOwner: string | undefined
  /**
   * Optimistic lock and heartbeat: every renewal, checkpoint and change of the owner adds 1. If the counter stops
   * growing, the owner is dead.
   */
  readonly leaseCounter: number
  /** How far the shard has been processed. */
  readonly checkpoint: Checkpoint
  /** Number of times that the owner changed since the checkpoint last moved. */
  readonly ownerSwitchesSinceCheckpoint: number
  /** The shards that were split or merged into this one. Empty for a shard without parents. */
  readonly parentShardIds: readonly string[]
  /** The shards into which this one was split or merged. Empty until the end of the shard was read. */
  readonly childShardIds: readonly string[]
  /** First hash key of the shard, in decimal digits; undefined if the row has none. */
  readonly startingHashKey: string | undefined
  /** Last hash key of the shard, in decimal digits; undefined if the row has none. */
  readonly endingHashKey: string | undefined
  /** Set by KCL 3.x while one worker hands the lease over to another. Headgate does not change such a lease. */
  readonly checkpointOwner: string | undefined
  /**
   * Set by Headgate: the run of the owner that took the lease, as `run@workerId`. It separates two workers with one id.
   * KCL does not change it when it changes the owner.
   */
  readonly session: string | undefined
  /**
   * Set by Headgate: records from before this time are not read. Epoch milliseconds by the clock of the stream. It is
   * the time at which the application started. It is never removed and is passed on to the children, so that a
   * deleted row starts at the same time as the others.
   */
  readonly startAt: number | undefined
  /**
   * Set by Headgate: the first sequence number of the shard. A stream that was deleted and created again has the same
   * shard ids with different sequence numbers.
   */
  readonly shardStart: string | undefined
  /**
   * Set by Headgate: the worker that requests the lease. The owner finishes the records in flight and releases the
   * lease.
   */
  readonly requestedBy: string | undefined
  /**
   * Set by Headgate: a copy of the pauses of the application, as JSON. Not fenced, so that a pause never makes a worker
   * lose its lease.
   */
  readonly pause: string | undefined
  /**
   * Set by Headgate: asks the owner to scan the table now, because there are leases to take. Each notice differs from the
   * one before. Not fenced.
   */
  readonly notice: string | undefined
  /**
   * Set by Headgate: a worker that may take the lease at this counter leaves it to others, for example because its owner
   * is dead. It means nothing once the counter differs. Not fenced.
   */
  readonly availableCounter: number | undefined
}

/** Returns the session of a run. It ends with the worker id, so that a row shows whether its owner wrote its session. */
export function sessionOf(workerId: string, run: string): string {
  return `${run}@${workerId}`
}

/** Returns true if a worker of KCL reads the shard: the owner, or the previous one while KCL 3 hands the lease over. */
export function isReadByKcl({ leaseOwner, checkpointOwner, session }: Lease): boolean {
  const reader = checkpointOwner ?? leaseOwner
  return reader !== undefined && session?.endsWith(`@${reader}`) !== true
}

/** The fields of a new lease that differ from lease to lease. */
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
    pause: undefined,
    notice: undefined,
    availableCounter: undefined,
  }
}

// Each function below returns the row after one write. The store applies the write only to the row from which it was
// made.

export function takeLease(lease: Lease, owner: string, session: string): Lease {
  const switches = lease.leaseOwner === owner ? 0 : 1
  return {
    ...withNextCounter(lease),
    leaseOwner: owner,
    session,
    checkpointOwner: undefined,
    requestedBy: undefined,
    notice: undefined,
    availableCounter: undefined,
    ownerSwitchesSinceCheckpoint: lease.ownerSwitchesSinceCheckpoint + switches,
  }
}

/** Requests the lease from its owner. Leaves the counter, because a request does not show that the owner is alive. */
export function requestLease(lease: Lease, by: string): Lease {
  return { ...lease, requestedBy: by }
}

/** Leaves a notice for the owner. Leaves the counter, as a request does. */
export function notifyOwner(lease: Lease, notice: string): Lease {
  return { ...lease, notice }
}

/** Tells the other workers that they may take the lease. Leaves the counter, so that any write of the owner refutes it. */
export function markAvailable(lease: Lease): Lease {
  return { ...lease, availableCounter: lease.leaseCounter }
}

/** Returns true if a worker left the lease to others and nobody has written it since. */
export function isLeftToOthers({ leaseCounter, availableCounter }: Lease): boolean {
  return availableCounter === leaseCounter
}

/** Restarts the lease of a shard whose id belonged to a shard of an earlier stream with the same name. */
export function restartLease(lease: Lease, fresh: Lease): Lease {
  return { ...fresh, leaseCounter: lease.leaseCounter + 1, pause: lease.pause }
}

/** Renews the lease, and writes a checkpoint if there is progress. */
export function renewLease(lease: Lease, progress: Checkpoint): Lease {
  if (compareCheckpoints(progress, lease.checkpoint) <= 0) return withNextCounter(lease)
  return { ...withNextCounter(lease), checkpoint: progress, ownerSwitchesSinceCheckpoint: 0 }
}

/** Writes the end of the shard. Its lease has no owner afterwards. */
export function endLease(lease: Lease, childShardIds: readonly string[]): Lease {
  return { ...releaseLease(lease, SHARD_END), childShardIds }
}

/** Releases the lease, with the remaining progress. */
export function releaseLease(lease: Lease, progress: Checkpoint): Lease {
  return { ...renewLease(lease, progress), leaseOwner: undefined, session: undefined }
}

/**
 * Resets a lease to a time, in epoch milliseconds by the clock of the stream, for an operator. The lease has no owner
 * afterwards, so a worker that holds it notices at its next write. KCL ignores the time and reads the shard from its
 * first record.
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

/** Returns true unless the shard has been processed to its end. */
export function isOpen(lease: Lease): boolean {
  return !isShardEnd(lease.checkpoint)
}

function withNextCounter(lease: Lease): Lease {
  return { ...lease, leaseCounter: lease.leaseCounter + 1 }
}
