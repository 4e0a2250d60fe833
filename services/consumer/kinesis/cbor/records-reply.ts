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
 * Fraction of a reply from which on the data of a record is a view of the reply, which lives as long as the view: such
 * a record holds at most four times its own size. The data of smaller records is copied. Otherwise one slow record in
 * each reply could hold many times what the byte budget counts. The copy is cheap compared with the rest.
 */
const VIEW_FROM = 1 / 4

export interface DecodedReply {
  reply: RecordsReply
  /** True if the data of a record is a view of the decoded bytes. */
  sharesBytes: boolean
}

/**
 * Decodes the reply of GetRecords in the CBOR of Kinesis, `application/x-amz-cbor-1.1`.
 *
 * @throws StreamReplyError if the bytes are not such a reply
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
  /** Size in bytes from which on data is not copied. */
  viewFrom: number
  /** The order of the keys in the previous record. */
  order: number[]
}

function readRecord(reader: CborReader, settings: RecordSettings): ConsumerRecord {
  const { shardId, viewFrom, order } = settings
  let sequenceNumber = ''
  let arrivedAt = 0
  let data: Buffer = NO_DATA
  let partitionKey: string | undefined
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
  // Without a sequence number, no checkpoint could name the record.
  if (sequenceNumber === '') throw new StreamReplyError(`A record of '${shardId}' has no sequence number.`)
  const key = partitionKey || undefined // No partition key is empty. Some servers send an empty text if there is none.
  return {
    data,
    partitionKey: key,
    sequenceNumber,
    subSequenceNumber: 0,
    shardId,
    arrivedAt: new Date(arrivedAt),
  }
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
/** The reply has no start of a child. ListShards has it. */
const NO_START = { startingSequenceNumber: undefined }

/** As seconds, this is after the year 5138; as milliseconds, before 1973. */
const MIN_MILLISECONDS = 1e11

/** Timestamps of Kinesis are in milliseconds, although their tag means seconds. Other implementations send seconds. */
function toEpochMs(value: number): number {
  return Math.round(value < MIN_MILLISECONDS ? value * 1_000 : value)
}
