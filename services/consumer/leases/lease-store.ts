import type { Lease } from './lease.ts'

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
   * @throws LeaseTableMissingError if the table does not exist
   */
  list(reading?: { consistent: boolean }): Promise<Lease[]>
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
