import type { LeaseRowError } from '../errors.ts'
import type { Lease } from './lease.ts'

/** How the lease table is read. */
export interface ListReading {
  consistent: boolean
  /**
   * Called with each invalid row, which is then left out. Only for a reader that shows the leases: a worker that does not
   * know a lease could read its shard a second time.
   */
  onInvalid?: (error: LeaseRowError) => void
}

/**
 * Access to the lease table. A port, so that tests can replace it. Every write is a compare-and-set: it is applied
 * completely to the row on which it was based, or not at all.
 */
export interface LeaseStore {
  /** Creates the table if it does not exist, and waits until it is active. Rejects when the signal fires. */
  ensureTable(signal?: AbortSignal): Promise<void>
  /**
   * Returns every lease. The result may be slightly stale unless `consistent` is true, which costs twice as much.
   *
   * @throws LeaseTableMissingError if the table does not exist; LeaseRowError for an invalid row, unless `onInvalid` is given
   */
  list(reading?: ListReading): Promise<Lease[]>
  /** Returns the current row of a lease, by a consistent read. */
  get(leaseKey: string): Promise<Lease | undefined>
  /** Creates a row. Resolves to false if the row exists. */
  create(lease: Lease): Promise<boolean>
  /**
   * Replaces `previous` by `next`. Resolves to the row after the write, which contains what others have written into
   * attributes that are not fenced, or to undefined if the row is no longer `previous`.
   */
  swap(previous: Lease, next: Lease): Promise<Lease | undefined>
  /** Deletes the row. Resolves to false if the row has changed. */
  delete(lease: Lease): Promise<boolean>
}
