import type { Lease } from '../../services/consumer/leases/lease.ts'
import { fromItem, type Item, LEASE_KEY, toAttributes } from '../../services/consumer/leases/lease-item.ts'
import { swapExpression } from '../../services/consumer/leases/lease-update.ts'
import { applyUpdate, conditionHolds } from './expression.ts'
import { serviceError } from './network.ts'

/** A successful write of a lease. */
export interface LeaseWrite {
  readonly leaseKey: string
  /** The run of the worker that sent it. Other names are those of operators and of the leader of KCL. */
  readonly writer: string
  /** When the writer sent it, in the time of the world as seen by its process. */
  readonly sentAt: number
  /** The row on which the write was based; undefined for a new row. */
  readonly decidedOn: Lease | undefined
  readonly before: Lease | undefined
  /** Undefined if the row was deleted. */
  readonly after: Lease | undefined
}

interface Version {
  readonly at: number
  readonly item: Item | undefined
  /** The item as a read returns it. */
  readonly lease: Lease | undefined
  readonly writer: string
}

/** A model of the lease table in DynamoDB. It stores items and evaluates the expressions of the real lease store. */
export class LeaseTable {
  readonly #rows = new Map<string, Version[]>()
  readonly #now: () => number
  readonly #onWrite: (write: LeaseWrite) => void
  /** Time from which the table exists. */
  #activeAt = Number.POSITIVE_INFINITY

  constructor(now: () => number, onWrite: (write: LeaseWrite) => void) {
    this.#now = now
    this.#onWrite = onWrite
  }

  /** Creates the table if it does not exist, and returns when it becomes active. */
  ensure(makingMs: number): number {
    if (this.#activeAt === Number.POSITIVE_INFINITY) this.#activeAt = this.#now() + makingMs
    return this.#activeAt
  }

  /** @throws the error of DynamoDB if the table does not exist yet */
  check(): void {
    if (this.#now() < this.#activeAt) throw serviceError('ResourceNotFoundException', 'Requested resource not found')
  }

  /** Deletes the table with all its rows. */
  drop(): void {
    this.#activeAt = Number.POSITIVE_INFINITY
    for (const { leaseKey } of this.all()) this.delete(leaseKey, 'operator')
    this.#rows.clear()
  }

  get(leaseKey: string): Lease | undefined {
    return this.#rows.get(leaseKey)?.at(-1)?.lease
  }

  lastWriter(leaseKey: string): string | undefined {
    return this.#rows.get(leaseKey)?.at(-1)?.writer
  }

  /**
   * Returns every row as it was some time ago, each at its own time, because an eventually consistent scan is not a
   * snapshot.
   */
  scan(ageOf: () => number): Lease[] {
    const leases: Lease[] = []
    for (const versions of this.#rows.values()) {
      const asOf = this.#now() - ageOf()
      const { lease } = versions.findLast(version => version.at <= asOf) ?? {}
      if (lease) leases.push(lease)
    }
    return leases
  }

  all(): Lease[] {
    return this.scan(() => 0)
  }

  create(lease: Lease, from: Pick<LeaseWrite, 'writer' | 'sentAt'>): boolean {
    if (this.#item(lease.leaseKey)) return false
    const item = { [LEASE_KEY]: { S: lease.leaseKey }, ...toAttributes(lease) }
    this.#put(lease.leaseKey, item, { ...from, decidedOn: undefined })
    return true
  }

  swap(previous: Lease, next: Lease, from: Pick<LeaseWrite, 'writer' | 'sentAt'>): boolean {
    const stored = this.#item(previous.leaseKey)
    const expression = swapExpression(previous, next)
    if (!conditionHolds(expression, stored)) return false
    const item = applyUpdate(expression, stored ?? { [LEASE_KEY]: { S: previous.leaseKey } })
    this.#put(previous.leaseKey, item, { ...from, decidedOn: previous })
    return true
  }

  /** Deletes the row under the condition of a write. */
  remove(lease: Lease, writer: string): boolean {
    if (!conditionHolds(swapExpression(lease, lease), this.#item(lease.leaseKey))) return false
    this.delete(lease.leaseKey, writer)
    return true
  }

  /** An edit by hand, or by a program that does not use the conditions. Undefined attributes are removed. */
  edit(leaseKey: string, writer: string, attributes: Record<string, Item[string] | undefined>): void {
    const item: Item = { ...this.#item(leaseKey), [LEASE_KEY]: { S: leaseKey } }
    for (const [name, value] of Object.entries(attributes)) {
      if (value) item[name] = value
      else delete item[name]
    }
    this.#put(leaseKey, item, { writer, sentAt: this.#now(), decidedOn: undefined })
  }

  delete(leaseKey: string, writer: string): void {
    this.#put(leaseKey, undefined, { writer, sentAt: this.#now(), decidedOn: undefined })
  }

  #item(leaseKey: string): Item | undefined {
    return this.#rows.get(leaseKey)?.at(-1)?.item
  }

  #put(leaseKey: string, item: Item | undefined, from: Pick<LeaseWrite, 'writer' | 'sentAt' | 'decidedOn'>): void {
    const before = this.get(leaseKey)
    const after = item && fromItem(item)
    // Who writes only the pauses of a row neither takes nor gives up its lease.
    const isPause = before && after && before.pause !== after.pause && differences(before, after).length === 0
    const writer = (isPause ? this.lastWriter(leaseKey) : undefined) ?? from.writer
    const versions = this.#rows.get(leaseKey) ?? []
    this.#rows.set(leaseKey, versions)
    versions.push({ at: this.#now(), item, lease: after, writer })
    if (versions.length > KEPT_VERSIONS) versions.shift()
    this.#onWrite({ leaseKey, ...from, before, after })
  }
}

/** Longer than any read is stale. */
const KEPT_VERSIONS = 60

const FACTS = ['leaseCounter', 'leaseOwner', 'session', 'checkpoint', 'checkpointOwner'] as const

/**
 * The fields that a write must have read correctly. Of the checkpoint only the sequence number counts: the index inside
 * an aggregate is not fenced, because rows of KCL may lack it.
 */
export function differences(a: Lease, b: Lease): string[] {
  const facts = ({
    leaseCounter,
    leaseOwner,
    session,
    checkpoint: { sequenceNumber: checkpoint },
    checkpointOwner,
  }: Lease) => {
    return { leaseCounter, leaseOwner, session, checkpoint, checkpointOwner }
  }
  const [left, right] = [facts(a), facts(b)]
  return FACTS.filter(fact => left[fact] !== right[fact])
}
