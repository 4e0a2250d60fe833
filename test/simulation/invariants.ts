import { type Checkpoint, compareCheckpoints, isSequence, isShardEnd } from '../../services/consumer/checkpoint.ts'
import type { LossReason } from '../../services/consumer/leases/held-lease.ts'
import type { Lease } from '../../services/consumer/leases/lease.ts'
import type { ConsumerRecord } from '../../services/consumer/record.ts'
import { differences, type LeaseTable, type LeaseWrite } from './dynamodb-model.ts'
import { HASH_SPACE, type KinesisModel } from './kinesis-model.ts'
import type { Ledger, LedgerRecord } from './ledger.ts'

/**
 * The invariants of the consumer by their numbers, and some more. `resume`: a worker that takes a lease handles no
 * record at or below its checkpoint. `start`: an application that starts at a timestamp handles no earlier record, and
 * all leases store one start time. `rival`: a lease is reported as taken only if somebody else wrote its row, and as
 * released only if its owner did. `twice`: while a worker holds a lease, it does not handle a completely handled record
 * again. `deadLetter`: a record is given up only because of its own failures. `pace`: a shard is subscribed to at most
 * once a second. `keyless`: a record without a partition key waits for no other record. `pause`: see `pausing.ts`.
 * `max`: no worker holds more leases than its maximum. `crash`: no promise rejects unhandled.
 */
export type Invariant =
  | '1'
  | '2'
  | '3'
  | '4'
  | '5'
  | '6'
  | '7'
  | '8'
  | '9'
  | '10'
  | '11'
  | '12'
  | 'resume'
  | 'start'
  | 'rival'
  | 'twice'
  | 'deadLetter'
  | 'pace'
  | 'keyless'
  | 'pause'
  | 'max'
  | 'crash'

export interface InvariantSettings {
  ledger: Ledger
  kinesis: KinesisModel
  table: LeaseTable
  failoverMs: number
  startsAtLatest: boolean
  /** Epoch milliseconds of the clock of Kinesis. */
  wallClock: () => number
  violated(invariant: Invariant, what: string): void
}

/** What is known about a run of a worker and a shard. */
interface Hold {
  /** The checkpoint with which it last took the shard. */
  from: Checkpoint | undefined
  /** When the latest of its arrived writes of the row was sent. A write that arrives late may be an earlier one. */
  sentAt: number
  /** The counter that it last wrote, and whether it wrote a row without an owner. */
  counter: number
  parted: boolean
}

/** Checks every write of a lease and every start of a handler. */
export class Invariants {
  readonly #settings: InvariantSettings
  readonly #holds = new Map<string, Hold>()
  /** Shards that once were at SHARD_END. */
  readonly #ended = new Set<string>()
  /** Shards that once had a lease, and its first checkpoint. */
  readonly #firstCheckpoints = new Map<string, Checkpoint>()
  /** Shards that were closed when an application started at LATEST. It needs none of their records. */
  readonly #closedBeforeStart = new Set<string>()
  #firstLease: Lease | undefined
  readonly #writtenFrom = new Set<string>()
  /** Rows that were once deleted. A stale read of them may show a greater counter than the current one. */
  readonly #deleted = new Set<string>()
  /** A row was deleted by hand, and with it a part of the hash space. */
  #torn = false
  #covered = false

  constructor(settings: InvariantSettings) {
    this.#settings = settings
  }

  leaseWritten(write: LeaseWrite): void {
    const { leaseKey, writer, before, after, decidedOn } = write
    if (!after) {
      this.#deleted.add(leaseKey)
      this.#forgetWrites(leaseKey)
      if (writer === 'operator') this.#torn = true
      this.#checkCoverage()
      return
    }
    if (!before) this.#leaseMade(write)
    if (decidedOn && before) this.#leaseSwapped(write)
    if (isShardEnd(after.checkpoint)) this.#ended.add(leaseKey)
    if (!before || isShardEnd(after.checkpoint)) this.#checkCoverage()

    // The write of a pause changes only its register, in rows of other workers too. It renews nothing.
    if (before?.leaseCounter === after.leaseCounter) return
    const hold = this.#holdOf(writer, leaseKey)
    hold.sentAt = Math.max(hold.sentAt, write.sentAt)
    hold.counter = after.leaseCounter
    hold.parted = after.leaseOwner === undefined
  }

  acquired(run: string, shardId: string, checkpoint: Checkpoint): void {
    this.#holdOf(run, shardId).from = checkpoint
  }

  /**
   * @param run the run of the worker; `here` is the time of the world as seen by its process
   * @param records records of one shard, those of a batch
   */
  handlerStarts(run: string, here: number, records: readonly ConsumerRecord[]): void {
    const among = new Set<LedgerRecord>()
    for (const record of records) {
      const entry = this.#settings.ledger.find(record)
      if (entry) this.#checkRecord(run, record, entry, among)
      else this.#settings.violated('crash', `${run} handles a record that is none`)
    }
    const [first] = records
    if (!first) return
    const { sentAt } = this.#holdOf(run, first.shardId)
    const expired = here - (sentAt + this.#settings.failoverMs)
    if (expired >= 0) {
      const late = `${expired.toFixed(1)} ms after its lease ran out`
      this.#settings.violated('8', `${run} starts a record of ${first.shardId} ${late}`)
    }
    this.#checkParents(run, first.shardId)
  }

  #checkRecord(run: string, { shardId, partitionKey }: ConsumerRecord, entry: LedgerRecord, among: Set<LedgerRecord>) {
    const { ledger, startsAtLatest, violated } = this.#settings
    const first = ledger.openBefore(entry, among)
    if (first) violated('2', `${run} starts ${partitionKey}#${entry.keyIndex} before #${first.keyIndex} is settled`)
    among.add(entry)
    const { from } = this.#holdOf(run, shardId)
    if (!from) violated('crash', `${run} handles a record of ${shardId} without any lease`)
    if (from && isSequence(from) && compareCheckpoints(entry.position, from) <= 0) {
      violated('resume', `${run} handles a record of ${shardId} that is behind the checkpoint it took over`)
    }
    if (!startsAtLatest && ledger.isBeforeStart(entry)) {
      violated('start', `${run} handles a record of ${shardId} from before the application's start`)
    }
  }

  /** Returns the checkpoint with which that run last took the shard. */
  takenFrom(run: string, shardId: string): Checkpoint | undefined {
    return this.#holds.get(`${run} ${shardId}`)?.from
  }

  leaseLost(run: string, shardId: string, reason: LossReason): void {
    if (reason === 'not renewed in time' || this.#deleted.has(shardId)) return
    const { table, violated } = this.#settings
    const lastWriter = table.lastWriter(shardId)
    const isOurs = lastWriter === run
    if (reason === 'taken by another worker' || reason === 'deleted') {
      if (isOurs) violated('rival', `${run} gave ${shardId} up as '${reason}' though nobody wrote its row but itself`)
      return
    }
    // An operator who removes the owner keeps the counter. The row then looks as after a renewal by the owner, without
    // an owner.
    if (lastWriter === 'operator') return
    // A later row no longer shows who was first.
    const { parted, counter } = this.#holdOf(run, shardId)
    if (!isOurs && !parted && table.get(shardId)?.leaseCounter === counter + 1) {
      violated('rival', `${run} gave ${shardId} up as '${reason}' though another took it before`)
    }
  }

  #leaseMade({ leaseKey, writer, after }: LeaseWrite): void {
    if (!after) return
    if (this.#firstCheckpoints.size === 0) this.#applicationStarts(after)
    this.#checkStartTime(writer, after)
    if (this.#firstCheckpoints.has(leaseKey)) return
    this.#firstCheckpoints.set(leaseKey, after.checkpoint)
  }

  /** The application started at LATEST with its first lease, even if the clock of that worker is wrong. */
  #applicationStarts(lease: Lease): void {
    const { ledger, kinesis, wallClock, startsAtLatest } = this.#settings
    this.#firstLease = lease
    ledger.start(startsAtLatest ? wallClock() : (lease.startAt ?? Number.NEGATIVE_INFINITY))
    if (!startsAtLatest) return
    for (const { shardId, closedAt } of kinesis.shards) {
      if (closedAt !== undefined) this.#closedBeforeStart.add(shardId)
    }
  }

  /**
   * Workers that start the application at once agree by the first lease. They may disagree if they list different first
   * shards after a reshard, or if somebody deletes the first lease.
   */
  #checkStartTime(writer: string, { leaseKey, startAt }: Lease): void {
    const { kinesis, violated } = this.#settings
    const first = this.#firstLease
    if (!first || startAt === first.startAt || this.#deleted.has(first.leaseKey)) return
    if (kinesis.shards.some(({ closedAt }) => closedAt !== undefined)) return
    violated('start', `${writer} creates the lease of ${leaseKey} with another start time than that of the first lease`)
  }

  #leaseSwapped({ leaseKey, writer, before, after, decidedOn }: LeaseWrite): void {
    const { violated } = this.#settings
    if (!before || !after || !decidedOn) return
    const differs = differences(decidedOn, before)
    if (differs.length > 0) violated('3', `${writer} wrote over a row of ${leaseKey} that differs in ${differs.join()}`)
    // A write that changes neither the checkpoint nor the owner may keep the counter.
    const decides = differences(before, after).length > 0
    const from = `${leaseKey} ${before.leaseCounter}`
    if (decides && (this.#writtenFrom.has(from) || after.leaseCounter <= before.leaseCounter)) {
      violated('3', `${writer} is the second to write ${leaseKey} at counter ${before.leaseCounter}`)
    }
    if (decides) this.#writtenFrom.add(from)

    const moved = compareCheckpoints(after.checkpoint, before.checkpoint)
    if (moved < 0) violated('4', `${writer} took the checkpoint of ${leaseKey} back`)
    if (moved > 0) this.#checkProgress(leaseKey, writer, after.checkpoint)
    if (moved > 0 && isShardEnd(after.checkpoint)) this.#checkChildren(leaseKey, writer)
  }

  #checkProgress(leaseKey: string, writer: string, checkpoint: Checkpoint): void {
    const { ledger, kinesis, violated } = this.#settings
    const first = ledger.firstOpenOfShard(leaseKey)
    if (isShardEnd(checkpoint)) {
      if (first) violated('1', `${writer} ended ${leaseKey} with record #${first.index} not handled`)
      const isClosed = kinesis.shards.some(({ shardId, closedAt }) => shardId === leaseKey && closedAt !== undefined)
      if (!isClosed) violated('1', `${writer} ended ${leaseKey}, which is open`)
      return
    }
    const entry = ledger.find(checkpoint)
    if (entry?.shardId !== leaseKey) violated('1', `${writer} checkpointed ${leaseKey} at no record of it`)
    else if (first && first.index <= entry.index) {
      violated('1', `${writer} checkpointed ${leaseKey} at record #${entry.index} with #${first.index} not handled`)
    }
  }

  #checkParents(run: string, shardId: string): void {
    const { kinesis, ledger, violated } = this.#settings
    // An application that started at the tip does not read shards that were closed by then.
    if (this.#firstCheckpoints.get(shardId)?.sequenceNumber === 'LATEST') return
    const shard = kinesis.shards.find(each => each.shardId === shardId)
    for (const parent of shard?.parents ?? []) {
      if (parent.goneAt !== undefined || this.#ended.has(parent.shardId)) continue
      // The shard was closed before the application started, so none of its records has to be read.
      if (ledger.ofShard(parent.shardId).every(record => ledger.isBeforeStart(record))) continue
      violated('5', `${run} starts a record of ${shardId} while its parent ${parent.shardId} is not done`)
    }
  }

  #checkChildren(leaseKey: string, writer: string): void {
    const { kinesis, violated } = this.#settings
    const ended = kinesis.shards.find(shard => shard.shardId === leaseKey)
    const left = [...(ended?.children ?? [])]
    for (let shard = left.pop(); ended && shard; shard = left.pop()) {
      if (this.#firstCheckpoints.has(shard.shardId)) continue
      // A trimmed shard is no longer listed, and a shard that was closed before the start at LATEST needs no lease. Their
      // children replace them. After a merge, children with no hash key of the ended shard are left to its neighbor.
      if (shard.goneAt !== undefined || this.#closedBeforeStart.has(shard.shardId)) {
        left.push(...shard.children.filter(child => child.from <= ended.to && ended.from <= child.to))
      } else violated('6', `${writer} ended ${leaseKey} while its descendant ${shard.shardId} has no lease`)
    }
  }

  /** Once the leases cover the hash space, no write may create a hole. */
  #checkCoverage(): void {
    if (this.#torn) return
    const covers = this.covers()
    if (this.#covered && !covers) this.#settings.violated('7', 'the live leases do not cover the hash space any more')
    this.#covered = covers
  }

  covers(): boolean {
    const ranges = this.#settings.table
      .all()
      .filter(({ checkpoint }) => !isShardEnd(checkpoint))
      .map(
        ({ startingHashKey = '0', endingHashKey = '0' }) => [BigInt(startingHashKey), BigInt(endingHashKey)] as const,
      )
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    let covered = -1n
    for (const [from, to] of ranges) {
      if (from > covered + 1n) return false
      if (to > covered) covered = to
    }
    return covered === HASH_SPACE - 1n
  }

  #holdOf(run: string, shardId: string): Hold {
    const name = `${run} ${shardId}`
    const hold = this.#holds.get(name) ?? {
      from: undefined,
      sentAt: Number.NEGATIVE_INFINITY,
      counter: 0,
      parted: false,
    }
    this.#holds.set(name, hold)
    return hold
  }

  #forgetWrites(leaseKey: string): void {
    for (const from of this.#writtenFrom) if (from.startsWith(`${leaseKey} `)) this.#writtenFrom.delete(from)
  }
}
