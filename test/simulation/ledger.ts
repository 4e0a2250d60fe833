import type { Checkpoint } from '../../services/consumer/checkpoint.ts'
import type { ConsumerRecord } from '../../services/consumer/record.ts'
import { outputOf } from './output.ts'

/** What is wrong with a record, so that its handler fails however often it is tried: see `handlers.ts`. */
export type Poison = 'poison' | 'hopeless'

export interface LedgerRecord {
  readonly shardId: string
  readonly partitionKey: string
  /** Its place among the records of its shard, and among those of its key. */
  readonly index: number
  readonly keyIndex: number
  readonly position: Checkpoint
  /** Epoch milliseconds by Kinesis's clock. */
  readonly at: number
  /** What comes out of it, whoever handles it and however often. */
  readonly output: string
  readonly poison: Poison | undefined
  /** Tries that failed by the record itself, on any worker. */
  failures: number
  handled: boolean
  /** Stored as a dead letter. */
  deadLettered: boolean
  /** Trimmed before it was handled: nobody can read it any more. */
  trimmed: boolean
}

/** How far a list of records is settled without a gap. Records are settled for good, so that it only ever goes on. */
interface Line {
  readonly records: LedgerRecord[]
  settled: number
}

/** Every record that was ever put, and whether it has been handled. */
export class Ledger {
  readonly #byShard = new Map<string, Line>()
  readonly #byKey = new Map<string, Line>()
  readonly #byPosition = new Map<string, LedgerRecord>()
  /** From when on the application has to read the stream, epoch milliseconds. */
  #start = Number.POSITIVE_INFINITY

  add(from: ConsumerRecord, poison: Poison | undefined): void {
    const { shardId, partitionKey, sequenceNumber, subSequenceNumber, arrivedAt } = from
    const [ofShard, ofKey] = [lineOf(this.#byShard, shardId), lineOf(this.#byKey, partitionKey)]
    const record: LedgerRecord = {
      ...{ shardId, partitionKey, index: ofShard.records.length, keyIndex: ofKey.records.length },
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

  /** The application has started: what came before that moment it does not owe, and all of the rest. */
  start(from: number): void {
    this.#start = Math.min(this.#start, from)
  }

  isBeforeStart({ at }: LedgerRecord): boolean {
    return at < this.#start
  }

  isSettled(record: LedgerRecord): boolean {
    return record.handled || record.deadLettered || record.trimmed || this.isBeforeStart(record)
  }

  /** The first record of the shard that is not settled. */
  firstOpenOfShard(shardId: string): LedgerRecord | undefined {
    return this.#firstOpen(lineOf(this.#byShard, shardId))
  }

  /** The first record of the key that is not settled. */
  firstOpenOfKey(partitionKey: string): LedgerRecord | undefined {
    return this.#firstOpen(lineOf(this.#byKey, partitionKey))
  }

  /** A record of the key that is not settled, comes before that one and is not among those; undefined without one. */
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
