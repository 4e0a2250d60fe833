import type { Checkpoint } from '../../services/consumer/checkpoint.ts'
import type { ConsumerRecord } from '../../services/consumer/record.ts'
import { outputOf } from './output.ts'

/** Why a record makes its handler fail at every attempt, see `handlers.ts`. */
export type Poison = 'poison' | 'hopeless'

export interface LedgerRecord {
  readonly shardId: string
  /** For a record without a key, a name that no other record has. */
  readonly partitionKey: string
  readonly isKeyless: boolean
  /** Its index among the records of its shard, and among those of its key. */
  readonly index: number
  readonly keyIndex: number
  readonly position: Checkpoint
  /** Epoch milliseconds by the clock of Kinesis. */
  readonly at: number
  /** The output of the record, whoever handles it and however often. */
  readonly output: string
  readonly poison: Poison | undefined
  /** Attempts that failed because of the record itself, on any worker. */
  failures: number
  handled: boolean
  /** Stored as a dead letter. */
  deadLettered: boolean
  /** Trimmed before it was handled, so nobody can read it any more. */
  trimmed: boolean
}

/** How far a list of records is settled without a gap. A settled record stays settled, so this only grows. */
interface Line {
  readonly records: LedgerRecord[]
  settled: number
}

/** Every record that was put, and whether it has been handled. */
export class Ledger {
  readonly #byShard = new Map<string, Line>()
  readonly #byKey = new Map<string, Line>()
  readonly #byPosition = new Map<string, LedgerRecord>()
  /** Time from which the application must read the stream, in epoch milliseconds. */
  #start = Number.POSITIVE_INFINITY

  add(from: ConsumerRecord, poison: Poison | undefined): void {
    const { shardId, sequenceNumber, subSequenceNumber, arrivedAt } = from
    const isKeyless = from.partitionKey === undefined
    const partitionKey = from.partitionKey ?? `no key ${sequenceNumber}`
    const [ofShard, ofKey] = [lineOf(this.#byShard, shardId), lineOf(this.#byKey, partitionKey)]
    const record: LedgerRecord = {
      ...{ shardId, partitionKey, isKeyless, index: ofShard.records.length, keyIndex: ofKey.records.length },
      position: { sequenceNumber, subSequenceNumber },
      at: arrivedAt.getTime(),
      ...{ output: outputOf(from), poison, failures: 0, handled: false, deadLettered: false, trimmed: false },
    }
    ofShard.records.push(record)
    ofKey.records.push(record)
    this.#byPosition.set(`${sequenceNumber}/${subSequenceNumber}`, record)
  }

  find({ sequenceNumber, subSequenceNumber }: Checkpoint): LedgerRecord | undefined {
    return this.#byPosition.get(`${sequenceNumber}/${subSequenceNumber}`)
  }

  ofShard(shardId: string): readonly LedgerRecord[] {
    return lineOf(this.#byShard, shardId).records
  }

  all(): Iterable<LedgerRecord> {
    return this.#byPosition.values()
  }

  /** The application has started. It does not have to handle earlier records, and must handle all others. */
  start(from: number): void {
    this.#start = Math.min(this.#start, from)
  }

  isBeforeStart({ at }: LedgerRecord): boolean {
    return at < this.#start
  }

  isSettled(record: LedgerRecord): boolean {
    return record.handled || record.deadLettered || record.trimmed || this.isBeforeStart(record)
  }

  /** Returns the first unsettled record of the shard. */
  firstOpenOfShard(shardId: string): LedgerRecord | undefined {
    return this.#firstOpen(lineOf(this.#byShard, shardId))
  }

  /** Returns the first unsettled record of the key. */
  firstOpenOfKey(partitionKey: string): LedgerRecord | undefined {
    return this.#firstOpen(lineOf(this.#byKey, partitionKey))
  }

  /**
   * Returns an unsettled record of the key that is earlier than the given one and not among the given records;
   * undefined if there is none.
   */
  openBefore({ partitionKey, keyIndex }: LedgerRecord, among: ReadonlySet<LedgerRecord>): LedgerRecord | undefined {
    const first = this.firstOpenOfKey(partitionKey)
    if (!first || first.keyIndex >= keyIndex) return undefined
    const before = lineOf(this.#byKey, partitionKey).records.slice(first.keyIndex, keyIndex)
    return before.find(record => !this.isSettled(record) && !among.has(record))
  }

  #firstOpen(line: Line): LedgerRecord | undefined {
    for (let next = line.records[line.settled]; next; next = line.records[++line.settled]) {
      if (!this.isSettled(next)) return next
    }
    return undefined
  }
}

function lineOf(lines: Map<string, Line>, name: string): Line {
  const line = lines.get(name) ?? { records: [], settled: 0 }
  lines.set(name, line)
  return line
}
