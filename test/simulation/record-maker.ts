import type { ConsumerRecord } from '../../services/consumer/record.ts'
import { aggregate } from '../support/aggregate.ts'

/** Where the content of records is taken from, each at another place. */
const BYTES = Uint8Array.from({ length: 1024 ** 2 }, (_, index) => Math.imul(index, 0x9e3779b1) >>> 24)

/** A record as its producer has it. */
export interface UserRecord {
  readonly partitionKey: string
  readonly hashKey: bigint
}

/** One record of Kinesis; an aggregate has several records of users. */
export interface StoredRecord {
  /** As Kinesis gives it. */
  readonly record: ConsumerRecord
  /** As handlers are to get it. */
  readonly parts: readonly ConsumerRecord[]
}

/** Makes records no two of which have the same content. */
export class RecordMaker {
  #contents = 0

  /** @param isSpoiled the digest of the aggregate is not that of its bytes: it is a plain record then */
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
    const data = aggregate(records)
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
