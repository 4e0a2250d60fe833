import { createRangeCheck } from '../consumer/aggregation/range-check.ts'
import { compareSequence } from '../consumer/checkpoint.ts'
import type { Clock } from '../consumer/clock.ts'
import { positionAfter } from '../consumer/fetching/position.ts'
import { type ConsumerRecord, unpack } from '../consumer/index.ts'
import type { Shard } from '../consumer/shards/shard.ts'
import {
  classifyReadError,
  type ReadFault,
  type RecordsReply,
  type ShardPosition,
  type StreamReader,
} from '../consumer/stream.ts'
import type { RecordsLine, RecordView } from './snapshot.ts'

/** A record, also inside an aggregated record. */
export interface RecordPlace {
  sequenceNumber: string
  subSequenceNumber: number
}

export interface ReadSettings {
  shard: Shard
  from: ShardPosition
  /** Records of an aggregate up to this one are skipped. */
  after?: RecordPlace | undefined
  /** Waits for new records at the end of the shard. */
  follow: boolean
  /** Only records with this text in the key or the data. */
  filter: string
  /** Ends after this many records. */
  limit: number
  /** Maximum bytes of each record that are sent. */
  maxBytes: number
  /** Its reads are paced. */
  stream: StreamReader
  clock: Clock
  signal: AbortSignal
}

const FIRST_LIMIT = 100
const MAX_LIMIT = 10_000
/** The bytes that one read should have. All readers of a shard share 2 MiB a second, and workers need most of them. */
const TARGET_BYTES = 1024 ** 2
const RETRY_MS = 1_000

/** Reads a shard, at most once a second. Aggregated records are unpacked. */
export async function* readRecords(settings: ReadSettings): AsyncGenerator<RecordsLine, void> {
  const { shard, follow, limit, stream, clock, signal } = settings
  const { shardId } = shard
  const isWanted = createFilter(settings)
  const inside = { isInside: createRangeCheck(shard), onOutside: () => undefined }
  let position = settings.from
  let iterator = await stream.getIterator(shardId, position)
  let perRead = FIRST_LIMIT
  let scanned = 0
  let sent = 0
  while (!signal.aborted) {
    const reply: RecordsReply | ReadFault = await stream
      .getRecords(shardId, iterator, perRead, { signal })
      .catch((error: unknown) => {
        const fault = classifyReadError(error)
        if (fault === 'throttled' || fault === 'expired iterator') return fault
        throw error
      })
    if (typeof reply === 'string') {
      await clock.sleep(RETRY_MS, signal)
      if (reply === 'expired iterator') iterator = await stream.getIterator(shardId, position)
      continue
    }
    for (const portion of unpack(reply.records, inside)) {
      for (const record of portion) {
        scanned++
        if (!isWanted(record)) continue
        yield { type: 'record', record: toView(record, settings.maxBytes) }
        if (++sent === limit) return yield { type: 'more' }
      }
    }
    perRead = nextLimit(reply.records) ?? perRead
    position = positionAfter(reply, position)
    const isEnd = reply.nextIterator === undefined
    yield { type: 'position', behindMs: reply.millisBehindLatest, scanned, isEnd }
    if (reply.nextIterator === undefined || (!follow && reply.millisBehindLatest === 0)) return
    iterator = reply.nextIterator
  }
}

function nextLimit(records: readonly ConsumerRecord[]): number | undefined {
  if (records.length === 0) return undefined
  const average = records.reduce((sum, { data }) => sum + data.byteLength, 0) / records.length
  return Math.min(MAX_LIMIT, Math.max(10, Math.round(TARGET_BYTES / Math.max(1, average))))
}

function createFilter({ filter, after }: Pick<ReadSettings, 'filter' | 'after'>): (record: ConsumerRecord) => boolean {
  const isBefore = ({ sequenceNumber, subSequenceNumber }: ConsumerRecord) => {
    if (after === undefined) return false
    const order = compareSequence(sequenceNumber, after.sequenceNumber)
    return order < 0 || (order === 0 && subSequenceNumber <= after.subSequenceNumber)
  }
  return record => {
    if (isBefore(record)) return false
    return filter === '' || record.partitionKey?.includes(filter) === true || bufferOf(record.data).includes(filter)
  }
}

function toView(record: ConsumerRecord, maxBytes: number): RecordView {
  const { sequenceNumber, subSequenceNumber, partitionKey, arrivedAt, data } = record
  return {
    sequenceNumber,
    subSequenceNumber,
    partitionKey: partitionKey ?? null,
    arrivedAt: arrivedAt.getTime(),
    bytes: data.byteLength,
    data: bufferOf(data.subarray(0, maxBytes)).toString('base64'),
    isCut: data.byteLength > maxBytes,
  }
}

function bufferOf(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}
