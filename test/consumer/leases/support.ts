import { type Lease, newLease } from '../../../services/consumer/leases/lease.ts'
import type { LeaseStore } from '../../../services/consumer/leases/lease-store.ts'

/** A lease with the fields that a test needs. */
export function leaseWith(fields: Partial<Lease> & Pick<Lease, 'leaseKey'>): Lease {
  return {
    ...newLease({
      leaseKey: fields.leaseKey,
      checkpoint: { sequenceNumber: 'TRIM_HORIZON', subSequenceNumber: 0 },
      parentShardIds: [],
      startingHashKey: undefined,
      endingHashKey: undefined,
      startAt: undefined,
      shardStart: undefined,
    }),
    ...fields,
  }
}

export const at = (sequenceNumber: string) => ({ sequenceNumber, subSequenceNumber: 0 })

/** The fate of a write: it succeeds, it fails before it is applied, or it is applied and its reply is lost. */
export type WriteFate = 'arrives' | 'fails' | 'loses its reply'

/** A lease table in memory, with the compare-and-set of the real one, whose network can fail on request. */
export class ModelLeaseStore implements LeaseStore {
  readonly rows = new Map<string, Lease>()
  readonly writes: Lease[] = []
  fates: WriteFate[] = []

  async ensureTable(): Promise<void> {
    return undefined
  }

  async list(): Promise<Lease[]> {
    return [...this.rows.values()]
  }

  async get(leaseKey: string): Promise<Lease | undefined> {
    return this.rows.get(leaseKey)
  }

  async create(lease: Lease): Promise<boolean> {
    if (this.rows.has(lease.leaseKey)) return false
    this.rows.set(lease.leaseKey, lease)
    return true
  }

  async delete(lease: Lease): Promise<boolean> {
    if (this.rows.get(lease.leaseKey)?.leaseCounter !== lease.leaseCounter) return false
    return this.rows.delete(lease.leaseKey)
  }

  async swap(previous: Lease, next: Lease): Promise<Lease | undefined> {
    const fate = this.fates.shift() ?? 'arrives'
    if (fate === 'fails') throw new Error('connection refused')
    const current = this.rows.get(previous.leaseKey)
    const applies = current?.leaseCounter === previous.leaseCounter && current.leaseOwner === previous.leaseOwner
    if (applies) {
      this.rows.set(next.leaseKey, next)
      this.writes.push(next)
    }
    if (fate === 'loses its reply') throw new Error('socket hang up')
    return applies ? next : undefined
  }
}
