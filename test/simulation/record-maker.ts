import type { ConsumerRecord } from '../../services/consumer/record.ts'
import { aggregate } from '../support/aggregate.ts'

/** The source of the content of records, each at a different offset. */
const BYTES = Uint8Array.from({ length: 1024 ** 2 }, (_, index) => Math.imul(index, 0x9e3779b1) >>> 24)

/** A record as its producer sends it. */
export interface UserRecord {
  /** Undefined if the producer sets none. Such a record is never part of an aggregate. */
  readonly partitionKey: string | undefined
  readonly hashKey: bigint
}

/** One record of Kinesis. An aggregate contains several user records. */
export interface StoredRecord {
  /** As Kinesis returns it. */
  readonly record: ConsumerRecord
  /** As handlers must receive it. */
  readonly parts: readonly ConsumerRecord[]
}

/** Creates records with unique content. */
export class RecordMaker {
  #contents = 0

  /** @param isSpoiled the digest of the aggregate is wrong, so it is a plain record */
  make(
    place: Pick<ConsumerRecord, 'sequenceNumber' | 'shardId' | 'arrivedAt'>,
    users: readonly UserRecord[],
    size: number,
    isSpoiled: boolean,
  ): StoredRecord {
    const records = users.map(({ partitionKey, hashKey }) => {
      return { key: partitionKey, hashKey: String(hashKey), data: this.#nextContent(size) }
    })
    const [first] = records
    if (!first) throw new Error('A record has at least one key.')
    const plain = { ...place, data: first.data, partitionKey: first.key, subSequenceNumber: 0 }
    if (records.length === 1) return { record: plain, parts: [plain] }
    const data = aggregate(records.map(({ key = '', ...rest }) => ({ key, ...rest })))
    if (isSpoiled) data[data.length - 1] = (data.at(-1) ?? 0) ^ 1
    const record = { ...plain, data }
    const parts = records.map(({ key, hashKey, data }, subSequenceNumber) => {
      return { ...place, data, partitionKey: key, explicitHashKey: hashKey, subSequenceNumber }
    })
    return { record, parts: isSpoiled ? [record] : parts }
  }

  #nextContent(size: number): Uint8Array {
    const from = (this.#contents++ * 61) % (BYTES.length - size)
    return BYTES.subarray(from, from + size)
  }
}
