import { randomBytes } from 'node:crypto'
import { cbor } from '@smithy/core/cbor'

/** Kinesis returns up to 10,000 records or 10 MiB in a reply. */
export const MAX_RECORDS = 10_000
const MAX_BYTES = 10 * 1024 ** 2

/** Starts each sequence number. */
const SEQUENCE_START = `4968048397066032230702339183261919${'0'.repeat(2)}`
const DIGITS = 20

/** Digits that are replaced by the number of a record. */
const PLACE = '#'.repeat(DIGITS)

const map = (entries: number) => Buffer.of(0xa0 | entries)
const ARRAY_WITHOUT_LENGTH = Buffer.of(0x9f)
const BREAK = Buffer.of(0xff)
const encode = (value: unknown) => Buffer.from(cbor.serialize(value))

export interface Page {
  reply: Buffer
  records: number
  /** Bytes of data. */
  bytes: number
}

/**
 * Creates the replies of shards that always have more records, in CBOR. Only the numbers of the records differ, so a
 * reply costs little more than a copy.
 *
 * @param recordBytes bytes of data in each record
 */
export function createBacklog(recordBytes: number) {
  const record = encode({
    SequenceNumber: SEQUENCE_START + PLACE,
    ApproximateArrivalTimestamp: Date.now(),
    Data: randomBytes(recordBytes),
    PartitionKey: `3f0c8b52-6f0c-4b${PLACE}`,
  })
  const [sequenceAt, keyAt] = [record.indexOf(PLACE), record.lastIndexOf(PLACE)]
  const maxRecords = Math.max(1, Math.min(MAX_RECORDS, Math.floor(MAX_BYTES / recordBytes)))

  return (from: number, limit: number, iteratorAfter: (records: number) => string): Page => {
    const records = Math.min(limit, maxRecords)
    const start = Buffer.concat([map(3), encode('Records'), ARRAY_WITHOUT_LENGTH])
    const end = Buffer.concat([BREAK, ...fields({ next: iteratorAfter(records), millisBehindLatest: 3_600_000 })])
    const reply = Buffer.allocUnsafe(start.length + records * record.length + end.length)
    start.copy(reply)
    for (let i = 0, at = start.length; i < records; i++, at += record.length) {
      record.copy(reply, at)
      const digits = String(from + i).padStart(DIGITS, '0')
      reply.write(digits, at + sequenceAt, 'latin1')
      reply.write(digits, at + keyAt, 'latin1')
    }
    end.copy(reply, reply.length - end.length)
    return { reply, records, bytes: records * recordBytes }
  }
}

/** A record that was put at a time. */
export interface PutRecord {
  number: number
  /** Epoch milliseconds, with a fraction. */
  at: number
}

/** Returns the reply with these records. Their data is the time at which they were put. */
export function replyOf(records: readonly PutRecord[], next: string): Buffer {
  const found = records.map(({ number, at }) => ({
    SequenceNumber: SEQUENCE_START + String(number).padStart(DIGITS, '0'),
    ApproximateArrivalTimestamp: Math.round(at),
    Data: Buffer.from(String(at)),
    PartitionKey: `key-${number % 16}`,
  }))
  return Buffer.concat([map(3), encode('Records'), encode(found), ...fields({ next, millisBehindLatest: 0 })])
}

function fields({ next, millisBehindLatest }: { next: string; millisBehindLatest: number }): Buffer[] {
  return [encode('NextShardIterator'), encode(next), encode('MillisBehindLatest'), encode(millisBehindLatest)]
}
