import { compareCheckpoints, isShardEnd } from '../../consumer/checkpoint.ts'
import type { Lease } from '../../consumer/leases/lease.ts'
import type { LeaseMove, LeaseView, WorkerView } from '../snapshot.ts'

const MAX_MOVES = 500
const MINUTE_MS = 60_000
/** Owners renew three times in a failover time. Two missed renewals are silence, which is visible before another worker takes over. */
const SILENT_AFTER = 0.85

/** What the lease table says about a worker. */
export type WatchedWorker = Omit<WorkerView, 'memory'>

interface Observed {
  lease: Lease
  renewedAt: number | null
  progressedAt: number | null
  /** When the owner was first seen with this lease. */
  ownedSince: number
}

interface Heartbeats {
  firstSeenAt: number
  renewedAt: number | null
  /** Times and numbers of writes in the last minute. */
  writes: Array<{ at: number; count: number }>
}

/**
 * Compares each read of the lease table with the one before. Only differences show which workers are alive, because a killed worker
 * stays in the table until another worker takes its leases. Times are epoch milliseconds.
 */
export class LeaseHistory {
  readonly #observed = new Map<string, Observed>()
  readonly #workers = new Map<string, Heartbeats>()
  readonly #moves: LeaseMove[] = []
  readonly #failoverMs: number
  #movesInAll = 0
  #hasRead = false

  constructor(failoverMs: number) {
    this.#failoverMs = failoverMs
  }

  /** The newest move is the first. */
  get moves(): { newest: readonly LeaseMove[]; total: number } {
    return { newest: this.#moves, total: this.#movesInAll }
  }

  get leases(): Lease[] {
    return Array.from(this.#observed.values(), ({ lease }) => lease)
  }

  /** Adds a read of the whole table. */
  add(leases: readonly Lease[], at: number): void {
    const present = new Set<string>()
    for (const lease of leases) {
      present.add(lease.leaseKey)
      this.#addLease(lease, at)
    }
    for (const [shardId, { lease }] of this.#observed) {
      if (present.has(shardId)) continue
      this.#observed.delete(shardId)
      this.#move({ at, shardId, from: lease.leaseOwner ?? null, to: null, how: 'deleted' })
    }
    this.#forgetWorkers(at)
    this.#hasRead = true
  }

  #addLease(lease: Lease, at: number): void {
    const { leaseKey: shardId, leaseOwner, leaseCounter, checkpoint } = lease
    const before = this.#observed.get(shardId)
    const old = before?.lease
    const isSameOwner = old !== undefined && old.leaseOwner === leaseOwner
    const writes = old === undefined ? 0 : leaseCounter - old.leaseCounter
    const worker = leaseOwner === undefined ? undefined : this.#worker(leaseOwner, at)
    const isRenewed = isSameOwner && writes > 0
    if (worker && (isRenewed || (old !== undefined && !isSameOwner))) {
      worker.renewedAt = at
      worker.writes.push({ at, count: Math.max(1, writes) })
    }
    const hasProgress = old !== undefined && compareCheckpoints(checkpoint, old.checkpoint) !== 0
    this.#observed.set(shardId, {
      lease,
      renewedAt: isRenewed ? at : isSameOwner ? (before?.renewedAt ?? null) : old === undefined ? null : at,
      progressedAt: hasProgress ? at : (before?.progressedAt ?? null),
      ownedSince: isSameOwner ? (before?.ownedSince ?? at) : at,
    })
    const how = this.#howMoved(old, lease, at)
    if (how) this.#move({ at, shardId, from: old?.leaseOwner ?? null, to: leaseOwner ?? null, how })
  }

  #howMoved(old: Lease | undefined, lease: Lease, at: number): LeaseMove['how'] | undefined {
    // The first read shows the present, not a change.
    if (old === undefined) return this.#hasRead ? 'created' : undefined
    if (!isShardEnd(old.checkpoint) && isShardEnd(lease.checkpoint)) return 'ended'
    if (compareCheckpoints(lease.checkpoint, old.checkpoint) < 0) return 'rewound'
    if (old.leaseOwner === lease.leaseOwner) return undefined
    if (lease.leaseOwner === undefined) return 'released'
    if (old.leaseOwner === undefined) return 'taken'
    // A worker that hands a lease over writes until then. A dead one did not write for a failover time.
    const owner = this.#workers.get(old.leaseOwner)
    const silentMs = owner ? at - (owner.renewedAt ?? owner.firstSeenAt) : 0
    return silentMs < this.#failoverMs / 2 ? 'taken' : 'taken over'
  }

  #worker(id: string, at: number): Heartbeats {
    const known = this.#workers.get(id)
    if (known) return known
    const fresh: Heartbeats = { firstSeenAt: at, renewedAt: null, writes: [] }
    this.#workers.set(id, fresh)
    return fresh
  }

  /** A worker without leases is not in the table. It is shown for a while, because a reshard may leave it without any. */
  #forgetWorkers(at: number): void {
    const owners = new Set(Array.from(this.#observed.values(), ({ lease }) => lease.leaseOwner))
    for (const [id, worker] of this.#workers) {
      worker.writes = worker.writes.filter(write => at - write.at < MINUTE_MS)
      if (!owners.has(id)) this.#workers.delete(id)
    }
  }

  #move(move: LeaseMove): void {
    this.#movesInAll++
    this.#moves.unshift(move)
    if (this.#moves.length > MAX_MOVES) this.#moves.length = MAX_MOVES
  }

  /** Called when the console watches again after a break. Silence during the break means nothing. */
  restart(at: number): void {
    for (const worker of this.#workers.values()) Object.assign(worker, { renewedAt: null, firstSeenAt: at })
  }

  view(shardId: string): LeaseView | null {
    const observed = this.#observed.get(shardId)
    if (!observed) return null
    const { lease, renewedAt, progressedAt } = observed
    return {
      owner: lease.leaseOwner ?? null,
      requestedBy: lease.requestedBy ?? null,
      checkpoint: lease.checkpoint.sequenceNumber,
      subSequenceNumber: lease.checkpoint.subSequenceNumber,
      renewedAt,
      progressedAt,
      ownerSwitches: lease.ownerSwitchesSinceCheckpoint,
    }
  }

  workers(now: number): WatchedWorker[] {
    const held = Map.groupBy(this.#observed.values(), ({ lease }) => lease.leaseOwner ?? '')
    return Array.from(this.#workers, ([id, { renewedAt, firstSeenAt, writes }]): WatchedWorker => {
      const isSilent = now - (renewedAt ?? firstSeenAt) > this.#failoverMs * SILENT_AFTER
      return {
        id,
        state: isSilent ? 'silent' : renewedAt === null ? 'unknown' : 'alive',
        shards: (held.get(id) ?? []).map(({ lease }) => lease.leaseKey).sort(),
        renewedAt,
        writesPerMinute: writes.reduce((sum, { count }) => sum + count, 0),
      }
    }).sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}
