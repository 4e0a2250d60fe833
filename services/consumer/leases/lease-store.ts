import type { Lease } from './lease.ts'

/**
 * The lease table, as a port. Every write is compare-and-set: it happens wholly, to exactly the row it was decided on, or
 * not at all.
 */
export interface LeaseStore {
  /** Makes the table if there is none, and waits until it can be used; rejects once the signal fires. */
  ensureTable(signal?: AbortSignal): Promise<void>
  /**
   * Every lease. May be some moments old unless it is to be consistent, which costs twice as much.
   *
   * @throws LeaseTableMissingError where there is no table
   */
  list(reading?: { consistent: boolean }): Promise<Lease[]>
  /** One lease as it is now. */
  get(leaseKey: string): Promise<Lease | undefined>
  /** Resolves to false where the row exists. */
  create(lease: Lease): Promise<boolean>
  /** Writes `next` over `previous`. Resolves to false where the row is not `previous` any more. */
  swap(previous: Lease, next: Lease): Promise<boolean>
  /** Takes the row away. Resolves to false where it is not this one any more. */
  delete(lease: Lease): Promise<boolean>
}
