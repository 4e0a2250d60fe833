import type { Checkpoint } from '../../services/consumer/checkpoint.ts'
import type { ConsumerRecord } from '../../services/consumer/record.ts'

export interface LedgerRecord {
  readonly shardId: string
  readonly partitionKey: string
  /** Its place among the records of its shard, and among those of its key. */
  readonly index: number
  readonly keyIndex: number
  readonly position: Checkpoint
  /** Epoch milliseconds by Kinesis's clock. */
  readonly at: number
  handled: boolean
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

  add({ shardId, partitionKey, sequenceNumber, subSequenceNumber, arrivedAt }: ConsumerRecord): void {
    const [ofShard, ofKey] = [lineOf(this.#byShard, shardId), lineOf(this.#byKey, partitionKey)]
    const record: LedgerRecord = {
      ...{ shardId, partitionKey, index: ofShard.records.length, keyIndex: ofKey.records.length },
      position: { sequenceNumber, subSequenceNumber },
      at: arrivedAt.getTime(),
      ...{ handled: false, trimmed: false },
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
    return record.handled || record.trimmed || this.isBeforeStart(record)
  }

  /** The first record of the shard that is not settled. */
  firstOpenOfShard(shardId: string): LedgerRecord | undefined {
    return this.#firstOpen(lineOf(this.#byShard, shardId))
  }

  /** The first record of the key that is not settled. */
  firstOpenOfKey(partitionKey: string): LedgerRecord | undefined {
    return this.#firstOpen(lineOf(this.#byKey, partitionKey))
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
