import type { Lease } from './lease.ts'
import type { LeaseStore } from './lease-store.ts'

export interface DuplicateWorkerSettings {
  store: Pick<LeaseStore, 'get'>
  workerId: string
  /** Identifies this run of the worker. */
  session: string
}

/**
 * A dead process may have sent a last write that arrives late. More than one further write shows that the process is
 * alive.
 */
const LATE_WRITES = 1

/**
 * Detects another process with the same worker id. A lease in this worker's name that another run took was left by an
 * earlier process, unless its counter keeps growing: then that process is alive.
 */
export class DuplicateWorkerDetector {
  readonly #settings: DuplicateWorkerSettings
  /** The lease that is being watched, as it was at the first look. */
  #watched: Lease | undefined

  constructor(settings: DuplicateWorkerSettings) {
    this.#settings = settings
  }

  /**
   * Returns a lease that a duplicate worker is renewing, if there is one. Reads the lease again with a consistent read:
   * in stale reads of the table, the counter of a dead run may seem to grow.
   *
   * @param leases the leases in this worker's name that it does not hold
   */
  async find(leases: readonly Lease[]): Promise<Lease | undefined> {
    const { store } = this.#settings
    const candidates = leases.filter(lease => this.#isOfDuplicate(lease)).map(lease => lease.leaseKey)
    const leaseKey = candidates.find(key => key === this.#watched?.leaseKey) ?? candidates.sort()[0]
    const lease = leaseKey === undefined ? undefined : await store.get(leaseKey)
    if (!lease || !this.#isOfDuplicate(lease)) {
      this.#watched = undefined
      return undefined
    }
    const before = this.#watched
    if (before?.leaseKey === lease.leaseKey && before.session === lease.session) {
      return lease.leaseCounter - before.leaseCounter > LATE_WRITES ? lease : undefined
    }
    this.#watched = lease
    return undefined
  }

  #isOfDuplicate({ leaseOwner, session }: Lease): boolean {
    return leaseOwner === this.#settings.workerId && session !== this.#settings.session
  }
}
