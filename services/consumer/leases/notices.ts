import { type Random, shuffled } from '../clock.ts'
import { inParallel } from '../in-parallel.ts'
import type { ConsumerEmitter } from '../metrics/emitter.ts'
import { isLeftToOthers, isReadByKcl, type Lease, markAvailable, notifyOwner } from './lease.ts'
import type { LeaseStore } from './lease-store.ts'
import { CHEAP_ROWS } from './scan-schedule.ts'

export interface NoticesSettings {
  store: LeaseStore
  events: ConsumerEmitter
  workerId: string
  /** Identifies this run of the worker. */
  session: string
  random: Random
}

/**
 * How many rows of each worker get a notice. A worker reads a notice when it renews the lease, and renews its leases at
 * different times: with eight, the first renewal follows after a small part of the interval.
 */
const ROWS_PER_WORKER = 8

const WRITES_AT_ONCE = 16

/** A part of the session identifies the sender. Notices stay in the rows, and every byte of a row costs with each scan. */
const SENDER_LENGTH = 8

/**
 * Tells workers that scan seldom that there are leases to take. A notice is an attribute of a row, which its owner
 * receives with its next renewal of the lease.
 */
export class Notices {
  readonly #settings: NoticesSettings
  #sent = 0
  /** The greatest number of a notice that this worker has seen, by the session of the sender. */
  readonly #seen = new Map<string, number>()

  #announced: Promise<void> = Promise.resolve()
  /** An announcement that has not begun. */
  #next: Promise<void> | undefined

  constructor(settings: NoticesSettings) {
    this.#settings = settings
  }

  /** Returns true if the row has a notice that this worker has seen in no row yet. */
  isNew({ notice }: Lease): boolean {
    const { sender, number } = /^(?<sender>.*):(?<number>\d+)$/.exec(notice ?? '')?.groups ?? {}
    if (sender === undefined || Number(number) <= (this.#seen.get(sender) ?? 0)) return false
    this.#seen.set(sender, Number(number))
    return true
  }

  /**
   * Tells the other workers about leases of dead workers that this one leaves to them. They may not have watched these
   * leases, so the rows say that they are available. A marked lease needs no further notice.
   *
   * @param leases the whole table
   */
  async sendAbout(left: readonly Lease[], leases: readonly Lease[]): Promise<void> {
    const { store } = this.#settings
    if (leases.length <= CHEAP_ROWS) return
    const unmarked = left.filter(lease => lease.leaseOwner !== undefined && !isLeftToOthers(lease))
    if (unmarked.length === 0) return
    await inParallel(unmarked, WRITES_AT_ONCE, lease => store.swap(lease, markAvailable(lease)))
    const dead = new Set(unmarked.map(({ leaseOwner }) => leaseOwner))
    await this.send(leases.filter(({ leaseOwner }) => !dead.has(leaseOwner)))
  }

  /**
   * Tells the other workers that this one has released leases. Calls during an announcement share the next one. A failure
   * is reported, and only delays the others.
   */
  announce(): void {
    const { store, events } = this.#settings
    this.#next ??= this.#announced.then(async () => {
      this.#next = undefined
      try {
        await this.send(await store.list())
      } catch (error) {
        events.emit('fault', { operation: 'notice to other workers', shardId: undefined, error })
      }
    })
    this.#announced = this.#next
  }

  /** Resolves when all announcements have ended. Never rejects. */
  get announced(): Promise<void> {
    return this.#announced
  }

  /** Leaves notices for all other workers. If the table is small, they scan it all the time. */
  async send(leases: readonly Lease[]): Promise<void> {
    const { store, workerId, session, random } = this.#settings
    if (leases.length <= CHEAP_ROWS) return
    const notice = `${session.slice(0, SENDER_LENGTH)}:${++this.#sent}`
    // KCL workers know no notices.
    const ofOthers = leases.filter(lease => lease.leaseOwner !== workerId && !isReadByKcl(lease))
    const byOwner = Map.groupBy(ofOthers, ({ leaseOwner }) => leaseOwner)
    byOwner.delete(undefined)
    const rows = [...byOwner.values()].flatMap(owned => shuffled(owned, random).slice(0, ROWS_PER_WORKER))
    await inParallel(shuffled(rows, random), WRITES_AT_ONCE, row => store.swap(row, notifyOwner(row, notice)))
  }
}
