import type { Lease } from '../../services/consumer/leases/lease.ts'
import { type Item, leaseOfStream, namesOf, toAttributes } from '../../services/consumer/leases/lease-item.ts'
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
  /** The item as its own stream reads it. */
  readonly lease: Lease | undefined
  readonly writer: string
  /** The stream whose row it is, as KCL identifies it; undefined if the table has the leases of one stream. */
  readonly streamIdentifier: string | undefined
}

/** A table in DynamoDB. It has the leases of one stream, or those of several. */
export class SharedTable {
  readonly rows = new Map<string, Version[]>()
  /** The leases of each stream. */
  readonly views: LeaseTable[] = []
  readonly now: () => number
  /** Time from which the table exists. */
  activeAt = Number.POSITIVE_INFINITY

  constructor(now: () => number) {
    this.now = now
  }
}

/**
 * A model of the lease table in DynamoDB, as the workers of one stream see it. It stores items and evaluates the
 * expressions of the real lease store. The names of shards are those of the stream, also if other streams share the
 * table.
 */
export class LeaseTable {
  readonly #shared: SharedTable
  readonly #streamIdentifier: string | undefined
  readonly #onWrite: (write: LeaseWrite) => void

  /** @param streamIdentifier undefined if the table has the leases of one stream */
  constructor(shared: SharedTable, onWrite: (write: LeaseWrite) => void, streamIdentifier?: string) {
    this.#shared = shared
    this.#onWrite = onWrite
    this.#streamIdentifier = streamIdentifier
    shared.views.push(this)
  }

  /** Creates the table if it does not exist, and returns when it becomes active. */
  ensure(makingMs: number): number {
    const shared = this.#shared
    if (shared.activeAt === Number.POSITIVE_INFINITY) shared.activeAt = shared.now() + makingMs
    return shared.activeAt
  }

  /** @throws the error of DynamoDB if the table does not exist yet */
  check(): void {
    const { now, activeAt } = this.#shared
    if (now() < activeAt) throw serviceError('ResourceNotFoundException', 'Requested resource not found')
  }

  /** Deletes the table with all its rows, also those of the other streams. */
  drop(): void {
    const { views, rows } = this.#shared
    this.#shared.activeAt = Number.POSITIVE_INFINITY
    for (const view of views) for (const { leaseKey } of view.all()) view.delete(leaseKey, 'operator')
    rows.clear()
  }

  get(leaseKey: string): Lease | undefined {
    return this.#read(this.#versions(leaseKey)?.at(-1))
  }

  lastWriter(leaseKey: string): string | undefined {
    return this.#versions(leaseKey)?.at(-1)?.writer
  }

  /**
   * Returns every row as it was some time ago, each at its own time, because an eventually consistent scan is not a
   * snapshot.
   */
  scan(ageOf: () => number): Lease[] {
    const leases: Lease[] = []
    const { rows, now } = this.#shared
    for (const versions of rows.values()) {
      const asOf = now() - ageOf()
      const lease = this.#read(versions.findLast(version => version.at <= asOf))
      if (lease) leases.push(lease)
    }
    return leases
  }

  all(): Lease[] {
    return this.scan(() => 0)
  }

  create(lease: Lease, from: Pick<LeaseWrite, 'writer' | 'sentAt'>): boolean {
    if (this.#item(lease.leaseKey)) return false
    const item = { ...this.#names(lease.leaseKey), ...toAttributes(lease) }
    this.#put(lease.leaseKey, item, { ...from, decidedOn: undefined })
    return true
  }

  swap(previous: Lease, next: Lease, from: Pick<LeaseWrite, 'writer' | 'sentAt'>): boolean {
    const stored = this.#item(previous.leaseKey)
    const expression = swapExpression(previous, next)
    if (!conditionHolds(expression, stored)) return false
    const item = applyUpdate(expression, stored ?? this.#names(previous.leaseKey))
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
    const item: Item = { ...this.#item(leaseKey), ...this.#names(leaseKey) }
    for (const [name, value] of Object.entries(attributes)) {
      if (value) item[name] = value
      else delete item[name]
    }
    this.#put(leaseKey, item, { writer, sentAt: this.#shared.now(), decidedOn: undefined })
  }

  delete(leaseKey: string, writer: string): void {
    this.#put(leaseKey, undefined, { writer, sentAt: this.#shared.now(), decidedOn: undefined })
  }

  #item(leaseKey: string): Item | undefined {
    return this.#versions(leaseKey)?.at(-1)?.item
  }

  #versions(leaseKey: string): Version[] | undefined {
    return this.#shared.rows.get(this.#keyOf(leaseKey))
  }

  /** Every read of a row filters and names it as the real lease store does. */
  #read(version: Version | undefined): Lease | undefined {
    if (!version?.item) return undefined
    if (version.streamIdentifier === this.#streamIdentifier) return version.lease
    return leaseOfStream(version.item, this.#streamIdentifier)
  }

  #names(leaseKey: string): Item {
    const { key, names } = namesOf(leaseKey, this.#streamIdentifier)
    return { ...key, ...names }
  }

  #keyOf(leaseKey: string): string {
    return namesOf(leaseKey, this.#streamIdentifier).key.leaseKey?.S ?? ''
  }

  #put(leaseKey: string, item: Item | undefined, from: Pick<LeaseWrite, 'writer' | 'sentAt' | 'decidedOn'>): void {
    const before = this.get(leaseKey)
    const after = item && leaseOfStream(item, this.#streamIdentifier)
    // Who writes only the pauses of a row, or another note to the workers, neither takes nor gives up its lease.
    const isNote = before && after && differences(before, after).length === 0
    const writer = (isNote && from.writer !== 'operator' ? this.lastWriter(leaseKey) : undefined) ?? from.writer
    const { rows, now } = this.#shared
    const versions = this.#versions(leaseKey) ?? []
    rows.set(this.#keyOf(leaseKey), versions)
    versions.push({ at: now(), item, lease: after, writer, streamIdentifier: this.#streamIdentifier })
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
