import type { Lease } from '../../services/consumer/leases/lease.ts'
import { fromItem, type Item, LEASE_KEY, toAttributes } from '../../services/consumer/leases/lease-item.ts'
import { swapExpression } from '../../services/consumer/leases/lease-update.ts'
import { applyUpdate, conditionHolds } from './expression.ts'
import { serviceError } from './network.ts'

/** A write of a lease that took place. */
export interface LeaseWrite {
  readonly leaseKey: string
  /** The run of a worker that sent it; other names are those of operators and of KCL's leader. */
  readonly writer: string
  /** When the writer sent it, in its own idea of the world's time. */
  readonly sentAt: number
  /** The row that the writer decided on; undefined where it made a new one. */
  readonly decidedOn: Lease | undefined
  readonly before: Lease | undefined
  /** Undefined where the row was deleted. */
  readonly after: Lease | undefined
}

interface Version {
  readonly at: number
  readonly item: Item | undefined
  /** What a read makes of the item. */
  readonly lease: Lease | undefined
  readonly writer: string
}

/** The lease table in DynamoDB: what is stored are items, and what decides over a write is the expression of production. */
export class LeaseTable {
  readonly #rows = new Map<string, Version[]>()
  readonly #now: () => number
  readonly #onWrite: (write: LeaseWrite) => void
  /** From when on there is a table. */
  #activeAt = Number.POSITIVE_INFINITY

  constructor(now: () => number, onWrite: (write: LeaseWrite) => void) {
    this.#now = now
    this.#onWrite = onWrite
  }

  /** Makes the table where there is none, and tells when it is there to be used. */
  ensure(makingMs: number): number {
    if (this.#activeAt === Number.POSITIVE_INFINITY) this.#activeAt = this.#now() + makingMs
    return this.#activeAt
  }

  /** @throws as DynamoDB does where there is no table, or not yet */
  check(): void {
    if (this.#now() < this.#activeAt) throw serviceError('ResourceNotFoundException', 'Requested resource not found')
  }

  /** Somebody deletes the table, with all that is in it. */
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

  /** Every row as it was some time ago, each at its own: an eventually consistent scan is not one moment. */
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

  /** Takes the row away under the condition that a write of it would have. */
  remove(lease: Lease, writer: string): boolean {
    if (!conditionHolds(swapExpression(lease, lease), this.#item(lease.leaseKey))) return false
    this.delete(lease.leaseKey, writer)
    return true
  }

  /** An edit by hand, or by a program that does not know our conditions. Attributes that are undefined are removed. */
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
    const versions = this.#rows.get(leaseKey) ?? []
    this.#rows.set(leaseKey, versions)
    versions.push({ at: this.#now(), item, lease: after, writer: from.writer })
    if (versions.length > KEPT_VERSIONS) versions.shift()
    this.#onWrite({ leaseKey, ...from, before, after })
  }
}

/** More than any read is old. */
const KEPT_VERSIONS = 60

const FACTS = ['leaseCounter', 'leaseOwner', 'session', 'checkpoint', 'checkpointOwner'] as const

/**
 * The facts in which two rows differ that a write must never be mistaken about. Of the checkpoint it is the record: a place
 * inside an aggregate is not fenced, as rows of others may lack it.
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
