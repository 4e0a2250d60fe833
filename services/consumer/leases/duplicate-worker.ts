import type { Lease } from './lease.ts'
import type { LeaseStore } from './lease-store.ts'

export interface DuplicateWorkerSettings {
  store: Pick<LeaseStore, 'get'>
  workerId: string
  /** Of this run of the worker. */
  session: string
}

/** A process that is gone may have sent a last write, which arrives after all: two can only be of one that lives. */
const LATE_WRITES = 1

/**
 * Finds out whether another process runs under this worker's id. A lease in our name that another run took is one that an
 * earlier process has left, unless its counter moves on: then that process lives.
 */
export class DuplicateWorkerDetector {
  readonly #settings: DuplicateWorkerSettings
  /** The first of such leases, as it was when it was first looked at. */
  #watched: Lease | undefined

  constructor(settings: DuplicateWorkerSettings) {
    this.#settings = settings
  }

  /**
   * The lease by which a living twin is known, as it is now. Read anew and consistently: old reads of the table would show
   * a dead run's counter move.
   *
   * @param leases those in our name that are not in our hands
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
