import { StreamReplyError } from '../../errors.ts'
import type { ConsumerRecord } from '../../record.ts'
import type { ChildShard } from '../../shards/shard.ts'
import type { RecordsReply } from '../../stream.ts'
import { names } from './name.ts'
import { CborReader } from './reader.ts'

const REPLY = names('Records', 'NextShardIterator', 'MillisBehindLatest', 'ChildShards')
const RECORD = names('SequenceNumber', 'ApproximateArrivalTimestamp', 'Data', 'PartitionKey')
const CHILD = names('ShardId', 'ParentShards', 'HashKeyRange')
const RANGE = names('StartingHashKey', 'EndingHashKey')

/**
 * The part of a reply from which on a record's data is a view onto the reply, which lives as long as the view does: a
 * record that waits holds four times its own size then, at most. Of smaller ones the data is copied, as it would otherwise
 * take one slow record in each reply to hold many times what the byte budget counts. A copy costs little beside the rest.
 */
const VIEW_FROM = 1 / 4

export interface DecodedReply {
  reply: RecordsReply
  /** Whether the data of a record is a part of the bytes that were decoded. */
  sharesBytes: boolean
}

/**
 * The reply of GetRecords in Kinesis's CBOR, `application/x-amz-cbor-1.1`.
 *
 * @throws StreamReplyError where it is not one
 */
export function decodeRecordsReply(bytes: Buffer, shardId: string): DecodedReply {
  const reader = new CborReader(bytes)
  let records: ConsumerRecord[] = []
  let nextIterator: string | undefined
  let millisBehindLatest = 0
  let childShards: ChildShard[] = []
  for (let left = reader.map(); reader.hasMore(left); left--) {
    const name = reader.key(REPLY)
    if (reader.takeNull()) continue
    if (name === 0) records = readRecords(reader, shardId, bytes.length * VIEW_FROM)
    else if (name === 1) nextIterator = reader.text()
    else if (name === 2) millisBehindLatest = reader.number()
    else if (name === 3) childShards = readChildShards(reader)
    else reader.skip()
  }
  reader.end()
  return { reply: { records, nextIterator, millisBehindLatest, childShards }, sharesBytes: reader.sharesBytes }
}

function readRecords(reader: CborReader, shardId: string, viewFrom: number): ConsumerRecord[] {
  const records: ConsumerRecord[] = []
  const settings = { shardId, viewFrom, order: [] }
  for (let left = reader.array(); reader.hasMore(left); left--) {
    records.push(readRecord(reader, settings))
  }
  return records
}

interface RecordSettings {
  shardId: string
  /** The size in bytes from which on data is not copied. */
  viewFrom: number
  /** The keys of the record before, as they came. */
  order: number[]
}

function readRecord(reader: CborReader, settings: RecordSettings): ConsumerRecord {
  const { shardId, viewFrom, order } = settings
  let sequenceNumber = ''
  let arrivedAt = 0
  let data: Buffer = NO_DATA
  let partitionKey = ''
  for (let left = reader.map(), entry = 0; reader.hasMore(left); left--) {
    const name = reader.key(RECORD, order[entry])
    order[entry++] = name
    if (reader.takeNull()) continue
    if (name === 0) sequenceNumber = reader.ascii()
    else if (name === 1) arrivedAt = toEpochMs(reader.number())
    else if (name === 2) data = reader.bytes(viewFrom)
    else if (name === 3) partitionKey = reader.text()
    else reader.skip()
  }
  // Without it the record has no place in its shard: no checkpoint could ever name it.
  if (sequenceNumber === '') throw new StreamReplyError(`A record of '${shardId}' has no sequence number.`)
  return { data, partitionKey, sequenceNumber, subSequenceNumber: 0, shardId, arrivedAt: new Date(arrivedAt) }
}

function readChildShards(reader: CborReader): ChildShard[] {
  const children: ChildShard[] = []
  for (let left = reader.array(); reader.hasMore(left); left--) children.push(readChildShard(reader))
  return children
}

function readChildShard(reader: CborReader): ChildShard {
  let shardId = ''
  const parentShardIds: string[] = []
  let range: Pick<ChildShard, 'startingHashKey' | 'endingHashKey'> = NO_RANGE
  for (let left = reader.map(); reader.hasMore(left); left--) {
    const name = reader.key(CHILD)
    if (reader.takeNull()) continue
    if (name === 0) shardId = reader.text()
    else if (name === 1) for (let l = reader.array(); reader.hasMore(l); l--) parentShardIds.push(reader.text())
    else if (name === 2) range = readRange(reader)
    else reader.skip()
  }
  return { shardId, parentShardIds, ...range, ...NO_START }
}

function readRange(reader: CborReader): Pick<ChildShard, 'startingHashKey' | 'endingHashKey'> {
  const range: [string | undefined, string | undefined] = [undefined, undefined]
  for (let left = reader.map(); reader.hasMore(left); left--) {
    const name = reader.key(RANGE)
    if (reader.takeNull()) continue
    if (name >= 0) range[name] = reader.text()
    else reader.skip()
  }
  return { startingHashKey: range[0], endingHashKey: range[1] }
}

const NO_DATA = Buffer.alloc(0)
const NO_RANGE = { startingHashKey: undefined, endingHashKey: undefined }
/** Nobody has told yet: the list of shards does. */
const NO_START = { startingSequenceNumber: undefined }

/** Past the year 5138 in seconds, before 1973 in milliseconds. */
const MIN_MILLISECONDS = 1e11

/** Kinesis's timestamps are milliseconds, although their tag says seconds, which others therefore send. */
function toEpochMs(value: number): number {
  return Math.round(value < MIN_MILLISECONDS ? value * 1_000 : value)
}
